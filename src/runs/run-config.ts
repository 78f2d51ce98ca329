import type { MethodConfig } from '../config/method-config.js';
import type { Experiment } from './experiment.js';
import type { RunConfig } from './folder.js';

/** The experiment's config, of its methods this one. */
export function runConfigOf({ config, engine }: Experiment, method: MethodConfig): RunConfig {
  const { name, seed, plugins, data, network, train: trainOptions, parallel } = config;
  const pluginFiles = plugins === undefined ? {} : { plugins };
  // Blocks on ranks change no number, so that any process may go on; but where what travels between them is rounded.
  const counts = parallel === 'data' || parallel?.transport !== undefined;
  const shared = counts ? { parallel } : {};
  return {
    name,
    seed,
    engine: engine.name,
    ...pluginFiles,
    data,
    network,
    train: trainOptions,
    ...shared,
    method,
  };
}
