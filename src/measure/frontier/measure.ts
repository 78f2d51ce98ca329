import { median } from '../../core/stats.js';
import { countMultiplyAdds } from '../../engine/multiply-adds.js';
import { scoped } from '../../engine/scoped.js';
import { buildMethod } from '../../local/build.js';
import { parameterCounts, stepMultiplyAdds, type ParameterCounts } from '../../local/cost.js';
import type { StepCost } from '../../local/step-cost.js';
import { noiseBatch } from '../../local/noise-batch.js';
import { inPrecision, type Strategy } from '../../local/strategy.js';
import { planSteps, trainStep } from '../../train/step.js';
import { chooseCuts } from '../memory/choose-cuts.js';
import {
  ifItFits,
  measureStep,
  usualOptimizer,
  type BatchShape,
  type StepMemory,
} from '../memory/measure.js';
import { inMicroBatches, withNetwork, type MemorySetting } from '../memory/setting.js';
import { withBlocks } from '../memory/sweep.js';
import type { Variant } from './variants.js';

/** What a training step of a variant takes, as measured. */
export interface MeasuredVariant {
  readonly variant: Variant;
  readonly network: string;
  /** Gradient-isolated blocks. */
  readonly blocks: number;
  readonly parameters: ParameterCounts;
  /** Undefined where it did not fit into the memory that there is. */
  readonly step: VariantStep | undefined;
}

export interface VariantStep {
  readonly memory: StepMemory;
  readonly multiplyAdds: StepCost;
  /** Of steps after the first, in seconds: the median. */
  readonly seconds: number;
}

/** Steps that are timed, after one that is not and whose multiply-adds are counted. */
export const timedSteps = 3;

/**
 * Measures training steps of a variant on random images, without training anything: memory as `measureStep` does, then
 * multiply-adds and time of further steps.
 *
 * @throws UserError where the method does not fit the network
 */
export async function measureVariant(
  setting: MemorySetting,
  variant: Variant,
  signal?: AbortSignal,
): Promise<MeasuredVariant> {
  const { count, method: given } = variant;
  const method = count === undefined ? given : await withBlocks(setting, given, count);
  const chosen = await chooseCuts(setting, method, { signal });
  const shape = inMicroBatches(setting, method);
  return withNetwork(setting, (network) => {
    const strategy = buildMethod(network, chosen.method);
    try {
      return {
        ...{ variant, network: network.name, blocks: strategy.blocks },
        parameters: parameterCounts(strategy),
        step: ifItFits(() => ({
          memory: measureStep(setting.engine.memory, strategy, shape),
          ...timeSteps(shape, strategy),
        })),
      };
    } finally {
      strategy.dispose();
    }
  });
}

function timeSteps(
  {
    batchSize,
    microBatch,
    seed,
    optimizer: makeOptimizer = usualOptimizer,
    precision = 'float32',
  }: BatchShape,
  given: Strategy,
): Omit<VariantStep, 'memory'> {
  const strategy = inPrecision(given, precision);
  const optimizer = makeOptimizer();
  const plan = planSteps(strategy.updates);
  const batch = noiseBatch(strategy.network, batchSize, seed);
  // At a learning rate of 0 no weight runs away on noise.
  const step = (): unknown =>
    scoped(() => trainStep(strategy, plan, optimizer, 0, batch(), undefined, microBatch));
  const count = countMultiplyAdds();
  try {
    step();
    count.close();
    const seconds = Array.from({ length: timedSteps }, () => {
      const start = performance.now();
      step();
      return (performance.now() - start) / 1000;
    });
    const multiplyAdds = { images: batchSize, ...stepMultiplyAdds(strategy, count.counted) };
    return { multiplyAdds, seconds: median(seconds) };
  } finally {
    count.close();
    optimizer.dispose();
  }
}
