import type { Dataset } from '../data/dataset.js';
import { loadDataset } from '../data/registry.js';
import type { Engine } from '../engine/engine.js';
import { selectEngine } from '../engine/select.js';
import { messageOf } from '../errors.js';
import { buildStrategy } from '../local/presets.js';
import type { Strategy } from '../local/strategy.js';
import { disposeNetwork, networkState, type Network } from '../networks/network.js';
import { resnetCifar } from '../networks/resnet-cifar.js';
import { toTorch } from '../nn/parameters.js';
import type { SafeTensor } from '../nn/safetensors.js';
import type { EpochMetrics, TrainEvent } from '../train/events.js';
import { train } from '../train/trainer.js';
import type { Config, MethodConfig } from './config.js';
import { createRunFolder, type RunFolder } from './run-folder.js';
import { resultOf, type RunIdentity, type RunResult, type RunSummary } from './summary.js';

/** What every run of a config shares. */
export interface Experiment {
  readonly config: Config;
  readonly engine: Engine;
  /** What would make it faster, where the engine is not the best there could be. */
  readonly notice?: string;
  readonly dataset: Dataset;
}

/** Called as a run goes on; drawing progress is what it is for. */
export interface RunObserver {
  start(run: { readonly label: string; readonly epochs: number; readonly evaluationSteps: number }): void;
  event(event: TrainEvent): void;
  end(): void;
}

export interface RunOptions {
  /** The folder in which the run's own is made. */
  readonly parent: string;
  /** Ends the run after its current step. */
  readonly signal?: AbortSignal;
  readonly observer?: RunObserver;
}

export interface FinishedRun {
  readonly folder: string;
  readonly interrupted: boolean;
  /** Undefined if no epoch was finished. */
  readonly result: RunResult | undefined;
}

/** Starts the engine and loads the data. Throws a UserError if either is not there. */
export async function openExperiment(config: Config): Promise<Experiment> {
  const { engine, notice } = await selectEngine(config.engine);
  const dataset = await loadDataset(config.data, config.seed);
  return { config, engine, dataset, ...(notice === undefined ? {} : { notice }) };
}

/**
 * Trains a fresh network with one method and records it in a folder of its own. An interrupted run keeps its finished
 * epochs; its summary is on disk as soon as the signal came, so that the process may also be ended at once.
 *
 * @throws UserError if the method does not fit the network or the data, or the loss is no longer a number
 */
export async function runExperiment(
  experiment: Experiment,
  method: MethodConfig,
  options: RunOptions,
): Promise<FinishedRun> {
  // What an earlier run left cached would count as this one's.
  experiment.engine.memory.release();
  return withStrategy(experiment, method, (strategy, label) =>
    record(experiment, method, label, strategy, options),
  );
}

/** Throws a UserError if a method does not fit the network, before anything is trained. */
export async function checkMethod(experiment: Experiment, method: MethodConfig): Promise<void> {
  await withStrategy(experiment, method, () => Promise.resolve());
}

/** Builds a fresh network and its strategy, and frees both when f is done with them. */
async function withStrategy<T>(
  { config, dataset }: Experiment,
  method: MethodConfig,
  f: (strategy: Strategy, label: string) => Promise<T>,
): Promise<T> {
  const network = resnetCifar({
    depth: config.network.depth,
    classes: dataset.classes.length,
    imageShape: dataset.imageShape,
    seed: config.seed,
  });
  try {
    const { label = method.method, ...strategyOptions } = method;
    const strategy = buildStrategy(network, strategyOptions);
    try {
      return await f(strategy, label);
    } finally {
      strategy.dispose();
    }
  } finally {
    disposeNetwork(network);
  }
}

/** Opens the run's folder and keeps it while the strategy is trained. */
async function record(
  experiment: Experiment,
  method: MethodConfig,
  label: string,
  strategy: Strategy,
  { parent, signal, observer }: RunOptions,
): Promise<FinishedRun> {
  const { config, engine, dataset } = experiment;
  const { name, seed, data, network, train: trainOptions } = config;
  const run: RunIdentity = {
    method: method.method,
    label,
    blocks: strategy.blocks,
    seed,
    engine: engine.name,
    memoryMeter: engine.memory.name,
  };
  const folder = createRunFolder(
    parent,
    { name, seed, engine: engine.name, data, network, train: trainOptions, method },
    strategy.updates.map((update) => update.name),
  );
  observer?.start({
    label,
    epochs: trainOptions.epochs,
    evaluationSteps: Math.ceil(dataset.test.size / trainOptions.batchSize),
  });
  try {
    return await trainInto(folder, experiment, strategy, run, signal, observer);
  } finally {
    observer?.end();
    folder.close();
  }
}

async function trainInto(
  folder: RunFolder,
  { config, engine, notice, dataset }: Experiment,
  strategy: Strategy,
  run: RunIdentity,
  signal: AbortSignal | undefined,
  observer: RunObserver | undefined,
): Promise<FinishedRun> {
  const epochs: EpochMetrics[] = [];
  const summarise = (how: Pick<RunSummary, 'status' | 'error'>): void => {
    folder.writeSummary({ ...how, ...run, ...resultOf(run, epochs) });
    folder.log.info({ ...how, epochs: epochs.length }, 'summary');
  };
  const onEvent = (event: TrainEvent): void => {
    if (event.type === 'epoch-end') {
      epochs.push(event.metrics);
      folder.writeMetrics(epochs);
    }
    if (event.type === 'epoch-start' || event.type === 'epoch-end') folder.log.info(event);
    observer?.event(event);
  };
  const onAbort = (): void => summarise({ status: 'interrupted' });
  folder.log.info({ ...run, engineDescription: engine.description, notice, dataset: dataset.name }, 'start');
  signal?.addEventListener('abort', onAbort);
  try {
    const { interrupted } = await train(strategy, dataset, {
      ...config.train,
      seed: config.seed,
      engine,
      onEvent,
      ...(signal ? { signal } : {}),
    });
    folder.writeWeights(weightsOf(strategy.network));
    summarise({ status: interrupted ? 'interrupted' : 'finished' });
    return { folder: folder.path, interrupted, result: resultOf(run, epochs) };
  } catch (error) {
    summarise({ status: 'failed', error: messageOf(error) });
    throw error;
  } finally {
    signal?.removeEventListener('abort', onAbort);
  }
}

/** The network's parameters and running statistics; auxiliary nets are not part of what was trained for use. */
function weightsOf(network: Network): ReadonlyMap<string, SafeTensor> {
  return new Map(networkState(network).map((parameter) => [parameter.name, toTorch(parameter)]));
}
