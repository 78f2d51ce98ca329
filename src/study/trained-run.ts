import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { UserError } from '../core/errors.js';
import type { Network } from '../networks/network.js';
import { loadWeights } from '../networks/import.js';
import { readSafetensors, type SafeTensor } from '../formats/safetensors.js';
import { loadConfig, type LoadedConfig, type MethodConfig } from '../config/config.js';
import { withStrategy } from '../runs/method-strategy.js';
import type { Experiment } from '../runs/run.js';
import { readRunSummary, type RunSummary } from '../runs/summary.js';

/** What a run folder holds of a run that has trained something. */
export interface TrainedRun extends LoadedConfig {
  readonly folder: string;
  readonly summary: RunSummary;
  readonly method: MethodConfig;
  readonly weights: ReadonlyMap<string, SafeTensor>;
}

/**
 * Reads a run folder. Its config's plugins are code, which runs here.
 * @throws UserError if it is none, finished no epoch or has no weights
 */
export async function readTrainedRun(folder: string): Promise<TrainedRun> {
  const configPath = join(folder, 'config.yaml');
  if (!existsSync(configPath)) throw new UserError(`${folder}: not a run folder: it has no config.yaml`);
  const summaryPath = join(folder, 'summary.json');
  if (!existsSync(summaryPath)) {
    throw new UserError(`${folder}: the run has not ended: it has no summary.json; wait, or finish it first`);
  }
  const summary = readRunSummary(summaryPath);
  if (summary.epochs === undefined) {
    throw new UserError(
      `${folder}: the run ${summary.status} before its first epoch ended: nothing to look into`,
    );
  }
  const weightsPath = weightsOf(folder);
  if (!existsSync(weightsPath)) {
    throw new UserError(
      `${folder}: the run ${summary.status} and has no weights.safetensors: train it again`,
    );
  }
  const { config, registry } = await loadConfig(configPath);
  const { method } = config;
  if (method === undefined) throw new UserError(`${configPath}: names no method, as a run's config does`);
  return { folder, summary, config, registry, method, weights: readSafetensors(weightsPath).tensors };
}

/** Builds the run's network, puts its weights in, and frees it when f is done with it. */
export async function withTrainedNetwork<T>(
  { dataset }: Pick<Experiment, 'dataset'>,
  { folder, config, registry, method, weights }: TrainedRun,
  f: (network: Network) => Promise<T>,
): Promise<T> {
  // The strategy's network has what its method adds, such as contexts.
  return withStrategy({ config, registry, dataset }, method, async ({ network }) => {
    loadWeights(network, weights, weightsOf(folder));
    return f(network);
  });
}

function weightsOf(folder: string): string {
  return join(folder, 'weights.safetensors');
}
