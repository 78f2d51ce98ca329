import { UserError } from '../../core/errors.js';
import { accumulateOf, type MethodConfig } from '../../config/method-config.js';
import { buildMethod } from '../../local/build.js';
import { partitionOf, withPartition } from '../../local/partition/of-method.js';
import { balanceCuts, type BalancedCuts } from './balance.js';
import type { RecomputeChoice } from './recompute-plan.js';
import { withNetwork, type MemorySetting } from './setting.js';

/** A method whose cut points are all named. */
export interface ChosenMethod {
  readonly method: MethodConfig;
  /** How they were found, where the config left that to measuring. */
  readonly balanced?: BalancedCuts;
  /** What it recomputes, where the config left that to measuring. */
  readonly recompute?: RecomputeChoice;
}

/** Whether a method asks for cut points that only measuring can tell. */
export function asksForBalance(method: MethodConfig): boolean {
  return partitionOf(method).cuts === 'balanced';
}

/**
 * Puts measured cut points in the place of `cuts: balanced`; other methods are returned as they are. The result trains
 * the same way wherever it is used, on whatever engine.
 *
 * Throws a UserError where the number of blocks is missing, or the network has too few units for it.
 */
export async function chooseCuts(
  setting: MemorySetting,
  method: MethodConfig,
  {
    signal,
    onProgress,
  }: { signal?: AbortSignal | undefined; onProgress?: ((message: string) => void) | undefined } = {},
): Promise<ChosenMethod> {
  if (!asksForBalance(method)) return { method };
  const { blocks } = partitionOf(method);
  const { name } = method.method;
  if (blocks === undefined) {
    throw new UserError(`${name}: cuts 'balanced' need blocks: how many there shall be`);
  }
  if (blocks < 2) {
    throw new UserError(`${name}: cuts 'balanced' need at least 2 blocks, not ${blocks}`);
  }
  const cutAfter = (cuts: readonly string[]): MethodConfig => ({
    ...method,
    options: withPartition(method, { cuts }),
  });
  const balanced = await withNetwork(setting, (network) =>
    balanceCuts({
      ...{ meter: setting.engine.memory, network, blocks, signal, onProgress },
      ...{ batchSize: setting.batchSize, microBatch: setting.batchSize / accumulateOf(method, setting) },
      seed: setting.seed,
      ...{ optimizer: setting.optimizer, averaged: setting.averaged, precision: setting.precision },
      recompute: method.recompute === 'auto' ? 'none' : method.recompute,
      build: (cuts) => buildMethod(network, cutAfter(cuts)),
    }),
  );
  return { method: cutAfter(balanced.cuts), balanced };
}
