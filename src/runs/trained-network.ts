import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { UserError } from '../core/errors.js';
import type { DataIdentity } from '../data/identity.js';
import { buildMethod } from '../local/build.js';
import { buildNetwork } from '../networks/build.js';
import { loadWeights } from '../networks/import.js';
import { disposeNetwork, type Network } from '../networks/network.js';
import { readSafetensors } from '../formats/safetensors.js';
import { configDocument, loadConfig, parseConfig, type Config, type LoadedConfig } from '../config/config.js';
import { readText } from '../config/document.js';
import { labelOf, type MethodConfig } from '../config/method-config.js';
import { splitNetwork } from '../config/start-weights.js';
import { configDifferences } from '../config/differences.js';
import { readRunData } from './data.js';
import { networkUseOf, type NetworkUse } from './network-use.js';
import { readRunSummary, type RunSummary } from './summary.js';
import { chooseWeights, type TrainedFiles, type WhichWeights } from './which-weights.js';

/** The same with the run's config, whose plugins were run. */
export interface TrainedRun extends TrainedFiles, LoadedConfig {
  readonly method: MethodConfig;
  /** What it was trained on; undefined for runs of older versions. */
  readonly data: DataIdentity | undefined;
}

/** A run's network with its weights. */
export interface TrainedNetwork {
  readonly network: Network;
  readonly use: NetworkUse;
  /** The run's, as tables show it. */
  readonly method: string;
  /** Where the weights are averages. */
  readonly weights?: 'averaged';
  /** Frees the network. */
  readonly dispose: () => void;
}

/**
 * Reads a run folder's summary and weights.
 * @throws UserError if it is none, finished no epoch, or its weights are missing or damaged
 */
export function readTrainedFiles(folder: string): TrainedFiles {
  if (!existsSync(join(folder, 'config.yaml'))) {
    throw new UserError(`${folder}: not a run folder: it has no config.yaml`);
  }
  const summaryPath = join(folder, 'summary.json');
  if (!existsSync(summaryPath)) {
    throw new UserError(`${folder}: the run has not ended: it has no summary.json; wait, or finish it first`);
  }
  const summary = readRunSummary(summaryPath);
  if (summary.epochs === undefined) {
    throw new UserError(
      `${folder}: the run ${inWords(summary)} before its first epoch ended: nothing to look into`,
    );
  }
  const weightsPath = join(folder, 'weights.safetensors');
  if (!existsSync(weightsPath)) {
    throw new UserError(
      `${folder}: the run ${inWords(summary)} and has no weights.safetensors: train it again`,
    );
  }
  return { folder, summary, weights: readSafetensors(weightsPath), weightsPath };
}

function inWords({ status }: RunSummary): string {
  return status === 'interrupted' ? 'was interrupted' : status;
}

/**
 * Reads all of a run folder that its network needs. Its config's plugins are code, which runs here.
 * @param overrides `a.b=value` each: where files lie now that the config names, such as `data.dir` and `plugins.0.path`
 * @throws UserError as `readTrainedFiles`, and if the config is wrong
 */
export async function readTrainedRun(folder: string, overrides: readonly string[] = []): Promise<TrainedRun> {
  const files = readTrainedFiles(folder);
  const configPath = join(folder, 'config.yaml');
  const { config, registry } = await loadConfig(configPath, overrides);
  if (overrides.length > 0) {
    // With the plugins that have run: where they lay may be what is overridden.
    const recorded = parseConfig(readText(configPath), configPath, [], registry);
    refuseOtherNumbers(folder, recorded, config);
  }
  const { method } = config;
  if (method === undefined) throw new UserError(`${configPath}: names no method, as a run's config does`);
  return { ...files, config, registry, method, data: readRunData(folder) };
}

/** What is looked into must be what was trained: with other options its test images may be ones it learned from. */
function refuseOtherNumbers(folder: string, there: Config, here: Config): void {
  const differences = configDifferences(configDocument(there), configDocument(here));
  if (differences.length === 0) return;
  throw new UserError(
    [
      `${folder}: only where the run's files lie can be set here, not what it was trained with:`,
      ...differences,
    ].join('\n'),
  );
}

/**
 * Builds a run's network on the engine in use and puts its weights in.
 *
 * @param use what the images are: the run's data set, or what the weights' metadata says
 * @returns the network, and what frees it
 * @throws UserError if the config does not fit the images or the weights
 */
export function openTrainedNetwork(
  { config, registry, method, weights, weightsPath }: TrainedRun,
  { classes, imageShape }: Pick<NetworkUse, 'classes' | 'imageShape'>,
): { readonly network: Network; readonly dispose: () => void } {
  const inputs = { classes: classes.length, imageShape, seed: config.seed };
  const { options } = splitNetwork(config.network);
  const built = buildNetwork(options, inputs, registry.networks);
  const freed = [() => disposeNetwork(built)];
  const dispose = (): void => freed.forEach((free) => free());
  try {
    // The strategy's network has what its method adds, such as contexts.
    const strategy = buildMethod(built, method);
    freed.unshift(() => strategy.dispose());
    loadWeights(strategy.network, weights.tensors, weightsPath);
    return { network: strategy.network, dispose };
  } catch (error) {
    dispose();
    throw error;
  }
}

/** As `openTrainedNetwork`, and frees the network when f is done with it. */
export async function withTrainedNetwork<T>(
  run: TrainedRun,
  use: Pick<NetworkUse, 'classes' | 'imageShape'>,
  f: (network: Network) => Promise<T>,
): Promise<T> {
  const { network, dispose } = openTrainedNetwork(run, use);
  try {
    return await f(network);
  } finally {
    dispose();
  }
}

/**
 * Loads the network of a run folder onto the engine in use; no data set is needed. Runs the plugins that the run's
 * config names.
 *
 * @param which of its weights, where averages of them were evaluated; these are the default
 * @param overrides `a.b=value` each: where files lie now that the config names, such as `plugins.0.path`
 * @throws UserError if the folder's config or weights are missing, wrong, or do not fit each other
 */
export async function loadTrainedNetwork(
  folder: string,
  which?: WhichWeights,
  overrides?: readonly string[],
): Promise<TrainedNetwork> {
  const run = chooseWeights(await readTrainedRun(folder, overrides), which);
  const use = networkUseOf(run.weights.metadata, run.weightsPath);
  const averaged = run.weights.metadata['weights'] === 'averaged';
  return {
    ...openTrainedNetwork(run, use),
    ...{ use, method: labelOf(run.method) },
    ...(averaged ? { weights: 'averaged' } : {}),
  };
}
