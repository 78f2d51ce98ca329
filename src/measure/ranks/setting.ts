import { setImmediate } from 'node:timers/promises';
import { UserError } from '../../core/errors.js';
import { accumulateOf, type MethodConfig } from '../../config/method-config.js';
import type { BlockParallel } from '../../config/parallel.js';
import { buildMethod } from '../../local/build.js';
import type { Strategy } from '../../local/strategy.js';
import { buildNetwork } from '../../networks/build.js';
import { disposeNetwork } from '../../networks/network.js';
import { withoutMemory } from '../../nn/parameters.js';
import { measureBlocks, type BlockCost } from '../block-costs.js';
import { chooseMethod } from '../memory/choose-method.js';
import { usualOptimizer } from '../memory/measure.js';
import type { MeasureOptions } from '../memory/report.js';
import type { MemorySetting } from '../memory/setting.js';

/**
 * Measures each block of a method by itself, the others without memory.
 *
 * @throws UserError where the blocks cannot be on different ranks
 */
export async function methodBlocks(
  setting: MemorySetting,
  method: MethodConfig,
  options: MeasureOptions,
  transport?: BlockParallel['transport'],
): Promise<readonly BlockCost[]> {
  const { engine, batchSize, optimizer = usualOptimizer, averaged = false, precision } = setting;
  if (accumulateOf(method, setting) > 1) {
    throw new UserError(
      'accumulate: what ranks take is measured of whole batches alone: leave it out here, with train.accumulate=1 (training over ranks takes it)',
    );
  }
  const chosen = await chooseMethod(setting, method, options);
  return withAbsent(setting, chosen.method, (strategy) =>
    measureBlocks(strategy, { meter: engine.memory, batchSize, optimizer, averaged, precision, transport }),
  );
}

async function withAbsent<T>(
  { network: options, registry, classes, imageShape, seed, engine }: MemorySetting,
  method: MethodConfig,
  f: (strategy: Strategy) => T,
): Promise<T> {
  // Measuring is synchronous: signals and screens have their turn before.
  await setImmediate();
  engine.memory.release();
  const network = withoutMemory(() =>
    buildNetwork(options, { classes, imageShape, seed }, registry.networks),
  );
  try {
    const strategy = withoutMemory(() => buildMethod(network, method));
    try {
      return f(strategy);
    } finally {
      strategy.dispose();
    }
  } finally {
    disposeNetwork(network);
  }
}
