import type { RecomputePlan } from '../../engine/recompute-choices.js';
import { plural } from '../../core/text.js';
import { labelOf, type MethodConfig } from '../../config/method-config.js';
import { buildMethod } from '../../local/build.js';
import type { Strategy } from '../../local/strategy.js';
import { listPeak, type AtPeak } from './at-peak.js';
import { chooseMethod } from './choose-method.js';
import { variableBytes, ifItFits, measureStep, type StepMemory } from './measure.js';
import { inMicroBatches, withNetwork, type MemorySetting } from './setting.js';

/** What a training step of one method takes. */
export interface MethodMemory {
  readonly method: string;
  readonly label: string;
  readonly network: string;
  /** Gradient-isolated blocks that the network is cut into. */
  readonly blocks: number;
  /** Units that end a block, but the last. */
  readonly cuts: readonly string[];
  /** What each update recomputes, where that was left to measuring. */
  readonly recompute?: RecomputePlan;
  /** Bytes of all that is trained, each parameter once. */
  readonly parameterBytes: number;
  /** Undefined where it did not fit into the memory that there is. */
  readonly step: StepMemory | undefined;
}

export interface MeasureOptions {
  readonly signal?: AbortSignal | undefined;
  /** Told what is being measured, for people who wait. */
  readonly onProgress?: ((message: string) => void) | undefined;
}

/** What is in use at the peak of one method's step. */
export interface PeakList extends Omit<MethodMemory, 'step'> {
  /** Undefined where it did not fit into the memory that there is. */
  readonly atPeak: AtPeak | undefined;
}

/**
 * Measures a training step of a method on random images, without training anything. Measured cut points
 * (`cuts: balanced`) are chosen first.
 *
 * Throws a UserError where the method does not fit the network.
 */
export async function measureMethod(
  setting: MemorySetting,
  method: MethodConfig,
  options: MeasureOptions = {},
): Promise<MethodMemory> {
  return withMethod(setting, method, options, (strategy, identity) => ({
    ...identity,
    step: ifItFits(() => measureStep(setting.engine.memory, strategy, inMicroBatches(setting, method))),
  }));
}

/** As `measureMethod`, for a list of all that is in use at the step's peak. */
export async function listMethod(
  setting: MemorySetting,
  method: MethodConfig,
  options: MeasureOptions = {},
): Promise<PeakList> {
  return withMethod(setting, method, options, (strategy, identity) => ({
    ...identity,
    atPeak: ifItFits(() => listPeak(setting.engine.memory, strategy, inMicroBatches(setting, method))),
  }));
}

/** Runs f on a method's strategy, in a network for measuring alone; what was left to measuring is chosen first. */
export async function withMethod<T>(
  setting: MemorySetting,
  method: MethodConfig,
  { signal, onProgress }: MeasureOptions,
  f: (strategy: Strategy, identity: Omit<MethodMemory, 'step'>) => T,
): Promise<T> {
  const label = labelOf(method);
  const progress = (what: string): void => onProgress?.(`${label}: ${what}`);
  const chosen = await chooseMethod(setting, method, { signal, onProgress: progress });
  return withNetwork(setting, (network) => {
    const strategy = buildMethod(network, chosen.method);
    try {
      progress(`a step of ${plural(strategy.blocks, 'block')}`);
      return f(strategy, {
        method: method.method.name,
        label,
        network: network.name,
        blocks: strategy.blocks,
        ...(chosen.method.plan === undefined ? {} : { recompute: chosen.method.plan }),
        cuts: strategy.partition.slice(0, -1).map((units) => units.at(-1)!),
        parameterBytes: variableBytes(new Set(strategy.updates.flatMap(({ variables }) => variables))),
      });
    } finally {
      strategy.dispose();
    }
  });
}
