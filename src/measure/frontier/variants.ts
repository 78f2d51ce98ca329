import {
  backpropagation,
  labelFor,
  labelOf,
  namedOptions,
  type MethodConfig,
} from '../../config/method-config.js';
import type { Recompute } from '../../engine/recompute-choices.js';
import { takesBlocks } from '../../local/partition/of-method.js';
import type { BlockCount } from '../memory/sweep.js';

/** A way to train that is measured: a method, cut into so many blocks, that recomputes so much. */
export interface Variant {
  /** The method's, without what it recomputes. */
  readonly label: string;
  readonly method: MethodConfig;
  readonly recompute: Recompute;
  /** K, where a list of them is tried; undefined for the method's own blocks. */
  readonly count: BlockCount | undefined;
}

const settings = ['none', 'units', 'segments'] as const satisfies readonly Recompute[];

/**
 * All that is set against BP: each method with each K and each setting of what it recomputes, BP first. What a config's
 * methods recompute themselves does not matter, and those that differ in nothing else are one. K = 1 is BP.
 */
export function variantsOf(
  methods: readonly MethodConfig[],
  counts: readonly BlockCount[] | undefined,
): Variant[] {
  const plain = new Map<string, { readonly label: string; readonly method: MethodConfig }>();
  for (const each of [backpropagation, ...methods]) {
    const { label: given, recompute, memory, ...method } = each;
    const { accumulate } = method;
    const { name } = method.method;
    const ways = {
      ...(recompute && { recompute }),
      ...(memory && { memory }),
      ...(accumulate && { accumulate }),
    };
    // What the label says of recomputing is said anew.
    const own = given === labelFor(name, ways) ? labelFor(name, accumulate ? { accumulate } : {}) : given;
    const key = JSON.stringify(namedOptions(method));
    if (!plain.has(key)) plain.set(key, { label: own ?? labelOf(method), method });
  }
  return [...plain.values()].flatMap(({ label, method }) => {
    const listed = counts !== undefined && takesBlocks(method.method);
    const tried = listed ? counts.filter((count) => count !== 1) : [undefined];
    return tried.flatMap((count) =>
      settings.map((recompute): Variant => ({ label, method: { ...method, recompute }, recompute, count })),
    );
  });
}

/** `man`, `man K=4`, `man K=4 +units`: short, for tables and charts. */
export function nameOf({ label, recompute, count }: Variant): string {
  const blocks = count === undefined ? '' : ` K=${count}`;
  return `${label}${blocks}${recompute === 'none' ? '' : ` +${recompute}`}`;
}
