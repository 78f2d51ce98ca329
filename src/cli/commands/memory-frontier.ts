import { UserError, messageOf } from '../../core/errors.js';
import { writeFileAtomic } from '../../core/files.js';
import { formatClock } from '../../core/text.js';
import type { MethodConfig } from '../../config/method-config.js';
import type { MeasuredVariant } from '../../measure/frontier/measure.js';
import type { MemorySetting } from '../../measure/memory/setting.js';
import type { BlockCount } from '../../measure/memory/sweep.js';

export interface FrontierOptions {
  readonly counts: readonly BlockCount[] | undefined;
  readonly json: boolean;
  /** Where the chart is written. */
  readonly svg: string | undefined;
  readonly signal: AbortSignal;
  readonly onProgress: (message: string) => void;
  /** Told what is left out, and why. */
  readonly onLeftOut: (message: string) => void;
}

/**
 * Measures BP and each method with each K and each setting of what it recomputes, and prints what each takes.
 *
 * What a method cannot be cut into is left out, with a note.
 *
 * @throws UserError where that leaves nothing beside BP
 */
export async function printFrontier(
  setting: MemorySetting,
  methods: readonly MethodConfig[],
  { counts, json, svg, signal, onProgress, onLeftOut }: FrontierOptions,
): Promise<void> {
  const { nameOf, variantsOf } = await import('../../measure/frontier/variants.js');
  const { measureVariant } = await import('../../measure/frontier/measure.js');
  const { frontierRecord, frontierText } = await import('../../measure/frontier/output.js');
  const variants = variantsOf(methods, counts);
  const all: MeasuredVariant[] = [];
  const refused = new Map<string, UserError>();
  const start = performance.now();
  for (const [i, variant] of variants.entries()) {
    if (signal.aborted) return;
    // What it recomputes is no reason to refuse.
    const kind = nameOf({ ...variant, recompute: 'none' });
    if (refused.has(kind)) continue;
    const left = ((performance.now() - start) / 1000 / i) * (variants.length - i);
    const estimate = i === 0 ? '' : `, about ${formatClock(left)} left`;
    onProgress(`${i + 1} of ${variants.length}: ${nameOf(variant)}${estimate}`);
    try {
      all.push(await measureVariant(setting, variant, signal));
    } catch (error) {
      if (!(error instanceof UserError)) throw error;
      refused.set(kind, error);
      onLeftOut(`left out ${kind}: ${messageOf(error)}`);
    }
  }
  if (signal.aborted) return;
  if (json) for (const each of all) process.stdout.write(frontierRecord(setting, each, all));
  else process.stdout.write(frontierText(setting, all));
  if (svg !== undefined) {
    const { frontierSvg } = await import('../../report/trade/frontier-svg.js');
    writeFileAtomic(svg, frontierSvg(setting, all));
    if (!json) process.stdout.write(`chart: ${svg}\n`);
  }
  const [first] = refused.values();
  if (first !== undefined && all.every(({ variant }) => variant.label === all[0]!.variant.label)) throw first;
}
