import type { MethodConfig } from '../config/method-config.js';
import type { Experiment } from './experiment.js';
import type { RunConfig } from './folder.js';

/** The experiment's config, of its methods this one. */
export function runConfigOf({ config, engine }: Experiment, method: MethodConfig): RunConfig {
  const { name, seed, plugins, data, network, train: trainOptions, parallel } = config;
  const pluginFiles = plugins === undefined ? {} : { plugins };
  const shared = whatCounts(parallel);
  return {
    name,
    seed,
    engine: engine.name,
    ...pluginFiles,
    data,
    network,
    train: trainOptions,
    ...(shared === undefined ? {} : { parallel: shared }),
    method,
  };
}

/**
 * Of how ranks share a training what its numbers depend on. Blocks on ranks change none, so that any process may go on;
 * but where what travels between them is rounded.
 */
function whatCounts(parallel: RunConfig['parallel']): RunConfig['parallel'] {
  if (parallel === undefined || parallel === 'data' || parallel.transport !== undefined) return parallel;
  return parallel.data > 1 ? 'data' : undefined;
}
