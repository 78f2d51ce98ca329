import { configDocument } from '../config/config.js';
import { accumulateOf, type MethodConfig } from '../config/method-config.js';
import type { BlockParallel } from '../config/parallel.js';
import { UserError } from '../core/errors.js';
import { largestShare } from '../data/loader/share.js';
import { placeBlocks } from '../distributed/blocks/placement.js';
import { meshPlace, type PartOfRanks } from '../distributed/mesh.js';
import type { ProcessGroup } from '../distributed/process-group.js';
import type { Strategy } from '../local/strategy.js';
import { measureBlocks } from '../measure/block-costs.js';
import { chooseRankCuts } from '../measure/ranks/rank-load.js';
import { optimizerOf } from '../train/optimizers.js';
import type { BlockRanks } from '../train/blocks/trainer.js';
import { trainBlocks } from '../train/blocks/trainer.js';
import { agreeOn, planOf } from './agree.js';
import type { Experiment } from './experiment.js';
import { withStrategy } from './method-strategy.js';
import { trainingSettings } from './training-settings.js';

/** Ranks that train the blocks of one network. */
export interface BlockGroup {
  readonly all: ProcessGroup;
  /** Those that have all blocks together, this one among them. */
  readonly row: ProcessGroup;
  /** Those that have the same blocks as this one, where there are several rows. */
  readonly column: ProcessGroup | undefined;
  readonly parallel: BlockParallel;
}

/** Throws a UserError where there are not as many ranks as the config says. */
export function checkRankCount(ranks: number, { blocks, data }: BlockParallel): void {
  if (ranks === blocks * data) return;
  const asked = data === 1 ? String(blocks) : `${blocks}, ${data} times over`;
  const remedy = data === 1 ? `, or set parallel.blocks=${ranks}` : '';
  throw new UserError(
    `parallel.blocks: ${asked}, and ${ranks} ranks were started: start ${blocks * data}${remedy}`,
  );
}

/**
 * Divides ranks into those that have all blocks together and those that have the same, which share every batch.
 *
 * @param all as many as `checkRankCount` takes
 * @param joinPart joins ranks of those that were started
 * @throws UserError, on all, where one has another config or version
 */
export async function divideRanks(
  { config }: Pick<Experiment, 'config'>,
  all: ProcessGroup,
  parallel: BlockParallel,
  joinPart: (part: PartOfRanks) => Promise<ProcessGroup>,
): Promise<BlockGroup> {
  const { blocks, data } = parallel;
  if (data === 1) return { all, row: all, column: undefined, parallel };
  // Those of another config would be waited for in vain.
  await agreeOn(all, configDocument(config), {});
  const { row, column } = meshPlace(all.rank, blocks, all.size);
  return { all, row: await joinPart(row), column: await joinPart(column), parallel };
}

/**
 * Every rank's method: rank 0's, who may have measured where to cut and what to recompute.
 *
 * @param method on rank 0 with what was measured
 * @param finished on rank 0, which knows the run's folder: whether nothing is left to do
 * @returns undefined where rank 0 says so
 * @throws UserError, the same on every rank, where one has another config or another version
 */
export async function agreeOnMethod(
  { config }: Pick<Experiment, 'config'>,
  method: MethodConfig,
  { all }: BlockGroup,
  finished = false,
): Promise<MethodConfig | undefined> {
  const { options } = method;
  const own = { options, finished, ...planOf(method) };
  const [first] = await agreeOn(all, configDocument(config), own);
  return first!.finished ? undefined : { ...method, options: first!.options, ...planOf(first!) };
}

/** The ranks' blocks; `balanced` cuts are rank 0's to measure, with as many images as are run at a time. */
export async function placeOnRanks(
  { config, engine, registry }: Pick<Experiment, 'config' | 'engine' | 'registry'>,
  strategy: Strategy,
  method: MethodConfig,
  { all, row, column, parallel: { blocks, data, cuts, queue, transport } }: BlockGroup,
  note?: (message: string) => void,
): Promise<BlockRanks> {
  const chosen = (): readonly number[] => {
    if (cuts !== 'balanced') return cuts;
    const costs = measureBlocks(strategy, {
      meter: engine.memory,
      batchSize: Math.min(
        largestShare(config.train.batchSize, { index: 0, of: data }),
        Math.ceil(config.train.batchSize / accumulateOf(method, config.train)),
      ),
      optimizer: () => optimizerOf(config.train, registry.optimizers),
      averaged: config.train.ema !== undefined,
      precision: config.train.precision,
      transport,
    });
    return chooseRankCuts(costs, blocks, queue);
  };
  const [first] = await all.exchange(JSON.stringify(all.rank === 0 ? chosen() : []));
  const agreed = JSON.parse(first!) as number[];
  const placement = placeBlocks(strategy.blocks, agreed);
  const words = placement.map(({ first, end }, rank) => {
    const ranks = Array.from({ length: data }, (_, share) => share * blocks + rank);
    return `${data === 1 ? 'rank' : 'ranks'} ${ranks.join(', ')}: blocks ${first + 1}–${end}`;
  });
  note?.(words.join(data === 1 ? ', ' : '; '));
  return { group: row, shares: column && { all, column }, placement, queue, transport };
}

/**
 * Trains a rank's part of a run that rank 0 records.
 *
 * @returns whether the run was interrupted
 * @throws UserError as `trainBlocks`
 */
export async function joinRun(
  experiment: Experiment,
  given: MethodConfig,
  ranks: BlockGroup,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  const { dataset } = experiment;
  const method = await agreeOnMethod(experiment, given, ranks);
  if (method === undefined) return false;
  return withStrategy(
    experiment,
    method,
    async (strategy) => {
      const placed = await placeOnRanks(experiment, strategy, method, ranks);
      const options = { ...trainingSettings(experiment, method), signal };
      return (await trainBlocks(strategy, dataset, options, placed)).interrupted;
    },
    'absent',
  );
}
