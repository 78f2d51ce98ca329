import { capturedSteps } from '../captured-steps.js';
import { setImmediate } from 'node:timers/promises';
import { UserError } from '../../core/errors.js';
import { linkUp, type LinkTally } from '../../distributed/blocks/link.js';
import { partsOf, type Part } from '../../distributed/blocks/part.js';
import type { BlockPlacement } from '../../distributed/blocks/placement.js';
import type { ProcessGroup } from '../../distributed/process-group.js';
import type { Dataset } from '../../data/dataset.js';
import type { SafeTensor } from '../../formats/safetensors.js';
import { inPrecision, type Strategy } from '../../local/strategy.js';
import { networkWeights } from '../../networks/export.js';
import { networkCounters, networkState } from '../../networks/network.js';
import { drawAbsent } from '../../nn/parameters.js';
import { checkLearningRate } from '../check-learning-rate.js';
import type { ConfiguredTraining } from '../context.js';
import { hasStalled } from '../early-stopping.js';
import { epochMetrics } from '../epoch-metrics.js';
import { trainingSteps } from '../epoch-steps.js';
import type { TrainResult } from '../events.js';
import { builtInOptimizers, optimizerOf, trainSchema } from '../optimizers.js';
import { addOver, checkShares, mostOver, refuseHeldParts } from '../over-ranks.js';
import { putOffSteps, type PutOffSteps } from '../put-off.js';
import { newRankTally } from '../rank-tally.js';
import { gatherRankUse } from '../rank-use.js';
import { checkBatches } from '../loaders.js';
import { learningRateAt } from '../schedule.js';
import { planSteps } from '../step.js';
import { restoreState } from '../state.js';
import { newTally, type EpochTally } from '../tally.js';
import { averageWeights } from '../weight-average.js';
import { checkBlockOptions } from './check-options.js';
import { openFeeds } from './feeds.js';
import { gatherTensors } from './gather.js';
import { agreeOnBeginning, handWholeState, shareBeginning, wholeEpoch } from './whole.js';
import { evaluationPass, trainingPass } from './passes.js';
import type { BlockShares, BlocksRun } from './run.js';
import { steppingAtOnce, steppingTogether } from './stepping.js';

/** Ranks in rows, each with all blocks, and columns, each with the same blocks. */
interface MeshGroups {
  readonly all: ProcessGroup;
  /** This rank's. */
  readonly column: ProcessGroup;
}

/** The ranks that a strategy's blocks are on. */
export interface BlockRanks {
  /** Of all blocks, each once. */
  readonly group: ProcessGroup;
  /** Where there are several such groups, which share every batch. */
  readonly shares?: MeshGroups | undefined;
  readonly placement: BlockPlacement;
  /** How many batches may be on their way from one rank to the next. */
  readonly queue: number;
  /** What features travel as in training; default: what they are held in. */
  readonly transport?: 'bf16' | undefined;
}

/** What a training on several ranks came to; on all but rank 0 without metrics. */
export interface BlocksResult extends TrainResult {
  /** On rank 0: the whole network's weights, as `networkWeights` gives them. */
  readonly weights: ReadonlyMap<string, SafeTensor> | undefined;
}

/**
 * Trains a strategy whose blocks are on several ranks; every rank calls it. Features go up from rank to rank, detached,
 * and no backward pass crosses: the numbers are those of `train` to the last bit. Where several groups of ranks have all
 * blocks each, they are those of `train` with a rank for each share.
 *
 * @param bare its strategy, the same on every rank; built within `withoutMemory`, a rank has memory for its own blocks alone
 * @param options as of `train`; `onEvent`, `onState` and `resume` are rank 0's, `signal` may be any rank's
 * @throws UserError as `train`, and where the strategy's blocks cannot be on different ranks
 */
export async function trainBlocks(
  bare: Strategy,
  dataset: Dataset,
  {
    seed,
    engine,
    optimizers,
    schedules,
    metrics,
    signal,
    onEvent,
    resume,
    onState,
    ...section
  }: ConfiguredTraining,
  { group, placement, queue, transport, shares: mesh }: BlockRanks,
): Promise<BlocksResult> {
  const kinds = optimizers ?? builtInOptimizers;
  const settings = trainSchema(kinds, schedules).parse(section);
  const options = { ...settings, seed, engine, schedules, signal, onEvent, resume, onState };
  checkLearningRate(options);
  const share = mesh && { index: mesh.column.rank, of: mesh.column.size };
  checkBlockOptions(options, metrics, share?.of);
  checkBatches(dataset, options);
  if (share !== undefined) checkShares(settings, dataset, share.of);
  const strategy = inPrecision(bare, settings.precision ?? 'float32');
  refuseHeldParts(strategy, settings);
  const parts = partsOf(strategy, placement);
  const part = parts[group.rank]!;
  if (settings.clip?.norm !== undefined) refuseNormAcross(strategy, parts);
  const { updates, strategy: own } = part;
  // With that of the update that trains its last block from the next rank, where there is one.
  const plan = planSteps(strategy.updates, settings).slice(
    updates.first,
    updates.end + (part.lends === undefined ? 0 : 1),
  );
  drawAbsent(
    [...networkState(own.network), ...own.auxiliary]
      .map(({ variable }) => variable)
      .concat(own.updates.flatMap(({ variables }) => variables)),
  );
  const optimizer = optimizerOf(settings, kinds);
  const average =
    options.ema === undefined ? undefined : averageWeights(own, options.ema.decay, part.trained);
  const feeds = group.rank === 0 ? openFeeds(dataset, options, share) : undefined;
  try {
    const { steps } = trainingSteps(dataset.train.size, options);
    const known = { wantsState: onState !== undefined, resume };
    const first = mesh && group.rank === 0 ? await shareBeginning(mesh.column, known) : known;
    const beginning = await agreeOnBeginning(group, { strategy, parts }, first, steps);
    if (beginning.state !== undefined) restoreState(own, optimizer, beginning.state, average);
    const link: LinkTally = { bytes: 0, waitSeconds: 0 };
    const putOff = mesh && putOffSteps(mesh.column, own, plan, optimizer, link);
    const imagesIn = (step: number): number =>
      Math.min(options.batchSize, dataset.train.size - step * options.batchSize);
    const run: BlocksRun = {
      ...{ strategy, parts, part, group, queue, transport, dataset, options, average, link, feeds },
      all: mesh?.all ?? group,
      blocks: placement[group.rank]!,
      use: newRankTally(),
      steps,
      optimizer,
      // A block that the next rank trains too goes on in the middle of the next step.
      captured:
        settings.captureSteps === true && part.lends === undefined && !part.borrows
          ? capturedSteps(engine, own)
          : undefined,
      stepping: (rate, step, images) =>
        putOff === undefined
          ? steppingAtOnce(plan, optimizer, rate)
          : steppingTogether(putOff, rate, images / imagesIn(step), settings.syncBatchNorm === true),
      shares: mesh && putOff && sharesOf(mesh.column, putOff),
      up: linkUp(group, queue, link),
      wantsState: beginning.wantsState,
      epochs: [...(first.resume?.epochs ?? [])],
      lastLosses: undefined,
    };
    const interrupted = await runEpochs(run, beginning.epochs, beginning.partial);
    average?.swap();
    // All shares' ranks have the same.
    const weights =
      run.shares === undefined || run.shares.share.index === 0
        ? await gatherTensors(group, networkWeights(own.network))
        : undefined;
    return { epochs: run.epochs, interrupted, weights: weights && inOrder(strategy, weights) };
  } finally {
    average?.dispose();
    optimizer.dispose();
    await feeds?.close();
  }
}

function sharesOf(column: ProcessGroup, putOff: PutOffSteps): BlockShares {
  return {
    share: { index: column.rank, of: column.size },
    ...{ putOff, addUp: addOver(column), most: mostOver(column) },
  };
}

/** Throws a UserError where an update's gradients are on two ranks: neither knows their norm. */
function refuseNormAcross({ updates }: Strategy, parts: readonly Part[]): void {
  const across = parts.find(({ borrows }) => borrows);
  if (across === undefined) return;
  throw new UserError(
    `train.clip: the gradients of '${updates[across.updates.first]!.name}' are on two ranks, of which none knows their norm: give a "value" in place of "norm", or train on one rank`,
  );
}

/** The epochs that are left; whether somebody wanted to stop before their end. */
async function runEpochs(run: BlocksRun, done: number, partial: EpochTally | undefined): Promise<boolean> {
  const { options, part } = run;
  let tally = partial;
  for (let epoch = done + 1; epoch <= options.epochs; epoch++) {
    if (await hasStalledOnAll(run)) {
      options.onEvent?.({ type: 'stalled', epoch: epoch - 1 });
      return false;
    }
    const whole = await runEpoch(run, tally ?? newTally(epoch, part.strategy.updates.length));
    if (!whole) return true;
    tally = undefined;
  }
  return false;
}

/** Whether training ends early: rank 0, which knows the accuracies, tells the others. */
async function hasStalledOnAll({ all, epochs, options: { earlyStopping } }: BlocksRun): Promise<boolean> {
  if (earlyStopping === undefined) return false;
  const [first] = await all.exchange(hasStalled(epochs, earlyStopping) ? 'stalled' : '');
  return first === 'stalled';
}

/** The rest of an epoch; whether nobody wanted to stop before its end. */
async function runEpoch(run: BlocksRun, tally: EpochTally): Promise<boolean> {
  const { strategy, dataset, options, average, steps, feeds, part, use } = run;
  const { onEvent, epochs, engine } = options;
  const { epoch } = tally;
  const learningRate = learningRateAt({ epoch, step: 0, steps }, options);
  onEvent?.({ type: 'epoch-start', epoch, epochs, steps, learningRate });
  const begun = performance.now() - 1000 * tally.seconds;
  const trained = await trainingPass(run, tally);
  const ranks = await gatherRankUse(
    run.all,
    part.trained,
    engine.description,
    use,
    run.blocks,
    run.shares?.share,
  );
  // Until all have trained on what this one has handed on.
  tally.seconds = (performance.now() - begun) / 1000;
  onEvent?.({ type: 'ranks', steps: use.steps, ranks });
  const start = performance.now();
  if (trained) average?.swap();
  const sums = trained ? await evaluationPass(run, epoch) : undefined;
  await run.shares?.putOff.counted();
  if (trained) average?.swap();
  if (sums === undefined) {
    // What was evaluated is done again: the epoch's training is what takes long.
    if (tally.batches > 0) await handWholeState(run, tally);
    return false;
  }
  const whole = await wholeEpoch(run, tally, sums);
  if (whole !== undefined && feeds !== undefined) {
    const leftOut = options.lastBatch === 'keep' ? feeds.leftOut : 0;
    const metrics = epochMetrics(strategy, whole.tally, {
      learningRate,
      evaluation: whole.evaluation,
      evaluationSeconds: (performance.now() - start) / 1000,
      skippedImages: feeds.skippedIn('test') + leftOut,
    });
    run.epochs.push(metrics);
  }
  await handWholeState(run);
  if (whole !== undefined) {
    const { byClass } = whole;
    const metrics = run.epochs.at(-1)!;
    onEvent?.({ type: 'epoch-end', metrics, byClass, evaluatedOn: dataset.evaluatedOn ?? 'test' });
  }
  await setImmediate();
  return true;
}

/** Weights in the order in which one process has them. */
function inOrder(
  { network }: Strategy,
  weights: ReadonlyMap<string, SafeTensor>,
): ReadonlyMap<string, SafeTensor> {
  const counted = networkCounters(network).filter(({ torch }) => torch);
  const names = [...networkState(network), ...counted].map(({ name }) => name);
  return new Map(names.map((name) => [name, weights.get(name)!]));
}
