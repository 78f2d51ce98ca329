import { configSchema, registrySchema } from './forms.js';
import { checkGiven } from '../core/given.js';
import type { Config } from '../config/config.js';
import { builtInRegistry, type Registry } from '../config/registry.js';
import type { Dataset } from '../data/dataset.js';
import type { ScanProgress } from '../data/files/scan.js';
import { loadDataset } from '../data/registry.js';
import type { Engine } from '../engine/engine.js';
import { selectEngine } from '../engine/select.js';

/** What every run of a config shares. */
export interface Experiment {
  readonly config: Config;
  /** What it can name. */
  readonly registry: Registry;
  readonly engine: Engine;
  /** What would make it faster, where the engine is not the best there could be. */
  readonly notice?: string;
  readonly dataset: Dataset;
}

const forms = { config: configSchema, registry: registrySchema };

/**
 * Starts the engine and loads the data.
 *
 * @param registry what the config can name
 * @param scanning told how many image files have been found
 * @throws UserError if either is not there
 */
export async function openExperiment(
  config: Config,
  registry = builtInRegistry,
  scanning?: ScanProgress,
): Promise<Experiment> {
  checkGiven('openExperiment', forms, { config, registry });
  const { engine, notice } = await selectEngine(config.engine);
  const dataset = await loadDataset(config.data, config.seed, scanning, registry.datasets);
  return { config, registry, engine, dataset, ...(notice === undefined ? {} : { notice }) };
}
