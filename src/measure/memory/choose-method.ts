import { formatBytes } from '../../core/text.js';
import type { RecomputePlan } from '../../engine/recompute-choices.js';
import type { MethodConfig } from '../../config/method-config.js';
import { buildMethod } from '../../local/build.js';
import { chooseCuts, type ChosenMethod } from './choose-cuts.js';
import { planRecompute, type RecomputeChoice } from './recompute-plan.js';
import { inMicroBatches, withNetwork, type MemorySetting } from './setting.js';

/** Whether a method asks for something that only measuring can tell: what it has to recompute to fit a budget. */
export function asksForBudget({ recompute, plan }: MethodConfig): boolean {
  return recompute === 'auto' && plan === undefined;
}

/**
 * Puts what was measured in the place of all that a method leaves to measuring: cut points (`cuts: balanced`), then
 * what it recomputes (`recompute: auto`, where no plan is given). Other methods are returned as they are.
 *
 * Throws a UserError as `chooseCuts` does, and where nothing that can be recomputed meets the budget.
 */
export async function chooseMethod(
  setting: MemorySetting,
  method: MethodConfig,
  options: {
    readonly signal?: AbortSignal | undefined;
    readonly onProgress?: ((message: string) => void) | undefined;
  } = {},
): Promise<ChosenMethod> {
  const chosen = await chooseCuts(setting, method, options);
  if (!asksForBudget(method)) return chosen;
  const recompute = await withNetwork(setting, (network) => {
    const strategy = buildMethod(network, chosen.method);
    try {
      options.onProgress?.(`what to recompute to fit into ${formatBytes(method.memory!)}`);
      const shape = inMicroBatches(setting, method);
      return planRecompute(setting.engine.memory, strategy, method.memory!, shape);
    } finally {
      strategy.dispose();
    }
  });
  return { ...chosen, method: { ...chosen.method, plan: recompute.plan }, recompute };
}

/** What was chosen, for people. */
export function recomputeInWords({ plan, peakBytes, plainBytes }: RecomputeChoice): string {
  const without = plainBytes === undefined ? 'out of memory' : formatBytes(plainBytes);
  return `recomputes ${planInWords(plan)}: ${formatBytes(peakBytes)}, without ${without}`;
}

/** `nothing`; `12 of 18 units and layers in 3 of 4 updates`. */
export function planInWords(plan: RecomputePlan): string {
  const all = Object.values(plan);
  const words = (['units', 'segments'] as const).flatMap((recompute) => {
    const own = all.filter((each) => each.recompute === recompute);
    if (own.length === 0) return [];
    const places = own.reduce((sum, each) => sum + each.places, 0);
    const kept = own.reduce((sum, { kept }) => sum + kept.length, 0);
    const of = all.length === 1 ? '' : ` in ${own.length} of ${all.length} updates`;
    return [`${places - kept} of ${places} ${recompute}${of}`];
  });
  return words.join(', ') || 'nothing';
}
