import { setImmediate } from 'node:timers/promises';
import { describeDataset } from '../../data/registry.js';
import type { Engine } from '../../engine/engine.js';
import type { Precision } from '../../engine/precision.js';
import { selectEngine } from '../../engine/select.js';
import { type Registry } from '../../config/registry.js';
import { buildNetwork } from '../../networks/build.js';
import { disposeNetwork, type Network } from '../../networks/network.js';
import type { Chosen } from '../../core/choice.js';
import type { Config } from '../../config/config.js';
import { accumulateOf, type MethodConfig } from '../../config/method-config.js';
import { splitNetwork } from '../../config/start-weights.js';
import { optimizerOf } from '../../train/optimizers.js';
import type { Optimizer } from '../../train/optimizer.js';

/** What memory is measured in: everything that decides it but the method. No images are needed. */
export interface MemorySetting {
  readonly engine: Engine;
  readonly registry: Registry;
  readonly network: Chosen;
  readonly seed: number;
  readonly batchSize: number;
  /** Makes the one that trains; default: SGD with momentum. */
  readonly optimizer?: (() => Optimizer) | undefined;
  /** Micro-batches that each batch is cut into, where the method does not say; default: 1. */
  readonly accumulate?: number | undefined;
  /** Whether averages of the weights are held beside them. */
  readonly averaged?: boolean | undefined;
  /** What feature maps are held in; default: float32. */
  readonly precision?: Precision | undefined;
  /** Of the data set. */
  readonly classes: number;
  readonly imageShape: readonly [height: number, width: number, channels: number];
}

/** The setting in which a config trains. */
export function settingOf(
  { network: started, seed, train }: Config,
  rest: Pick<MemorySetting, 'engine' | 'registry' | 'classes' | 'imageShape'>,
): MemorySetting {
  const { options: network } = splitNetwork(started);
  const optimizer = (): Optimizer => optimizerOf(train, rest.registry.optimizers);
  const averaged = train.ema !== undefined;
  const { batchSize, accumulate, precision } = train;
  return { network, seed, batchSize, accumulate, optimizer, averaged, precision, ...rest };
}

/** The setting with the images that the method runs at a time. */
export function inMicroBatches(
  setting: MemorySetting,
  method: MethodConfig,
): MemorySetting & { microBatch: number } {
  return { ...setting, microBatch: setting.batchSize / accumulateOf(method, setting) };
}

/**
 * Starts the engine; of the data set only the images' shape and the number of classes are asked for.
 * Throws a UserError if the engine is not there, or the classes cannot be counted.
 */
export async function openSetting(
  config: Config,
  registry: Registry,
): Promise<{ readonly setting: MemorySetting; readonly notice: string | undefined }> {
  const { engine, notice } = await selectEngine(config.engine);
  const { classes, imageShape } = await describeDataset(config.data, registry.datasets);
  return { setting: settingOf(config, { engine, registry, classes, imageShape }), notice };
}

/** A network for measuring alone, freed when f is done with it. */
export async function withNetwork<T>(
  { network: options, registry, classes, imageShape, seed, engine }: MemorySetting,
  f: (network: Network) => T | Promise<T>,
): Promise<T> {
  // Measuring is synchronous: signals and screens have their turn between.
  await setImmediate();
  engine.memory.release();
  const network = buildNetwork(options, { classes, imageShape, seed }, registry.networks);
  try {
    return await f(network);
  } finally {
    disposeNetwork(network);
  }
}
