import type { MethodConfig } from '../config/method-config.js';
import { parameterCounts } from '../local/cost.js';
import { weightNotes } from '../local/loss-weights.js';
import { blocksNote } from '../local/partition/asked.js';
import { partitionOf } from '../local/partition/of-method.js';
import type { Strategy } from '../local/strategy.js';
import type { Experiment } from './experiment.js';
import type { RunConfig } from './folder.js';
import { ownWays, type RunIdentity } from './summary.js';

/** What a run is, whatever it comes to. */
export function identityOfRun(
  { config, engine, dataset }: Experiment,
  {
    method,
    label,
    strategy,
  }: { readonly method: MethodConfig; readonly label: string; readonly strategy: Strategy },
): RunIdentity {
  const notes = weightNotes(strategy.lossWeights ?? []);
  const asked = blocksNote(strategy, partitionOf(method).blocks);
  return {
    method: method.method.name,
    label,
    blocks: strategy.blocks,
    ...ownWays(method),
    ...{ parameters: parameterCounts(strategy), batchSize: config.train.batchSize },
    ...{ seed: config.seed, engine: engine.name, engineDescription: engine.description },
    ...(config.train.precision === 'bf16' && { precision: 'bf16' as const }),
    memoryMeter: engine.memory.name,
    evaluatedOn: dataset.evaluatedOn ?? 'test',
    ...averagedIn(config.train),
    ...(notes.length > 0 && { weightNotes: notes }),
    ...(asked !== undefined && { blocksNote: asked }),
  };
}

/** What says that averages of the weights are evaluated and written, where they are. */
export function averagedIn({ ema }: RunConfig['train']): Pick<RunIdentity, 'weights'> {
  return ema === undefined ? {} : { weights: 'averaged' };
}
