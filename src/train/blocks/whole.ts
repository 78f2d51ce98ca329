import { UserError } from '../../core/errors.js';
import type { Part } from '../../distributed/blocks/part.js';
import type { ProcessGroup } from '../../distributed/process-group.js';
import type { Strategy } from '../../local/strategy.js';
import { byClassOf, type ByClass } from '../by-class.js';
import type { EpochRest } from '../epoch-metrics.js';
import { captureFinite } from '../hand-state.js';
import { headIndex } from '../head-update.js';
import { giveState, takeState } from '../give-state.js';
import { alone } from '../over-ranks.js';
import { refuseOtherState, stateOf, type TrainState } from '../state.js';
import { checkTally, tallyOver, withoutSums, type EpochTally } from '../tally.js';
import { hasTop5 } from '../evaluate.js';
import type { PartEvaluation } from './evaluate.js';
import { gatherNumbers, gatherTensors, receiveBeginning, sendBeginning } from './gather.js';
import { lossesBefore } from './passes.js';
import type { BlocksRun } from './run.js';

/** What a rank begins with. */
export interface OwnBeginning {
  readonly wantsState: boolean;
  /** Epochs that are done. */
  readonly epochs: number;
  /** The epoch at hand, as far as it is this rank's. */
  readonly partial: EpochTally | undefined;
  /** Where the run goes on: this rank's part of its state. */
  readonly state: Pick<TrainState, 'tensors' | 'counters'> | undefined;
}

/** What the first rank of a pipeline begins with. */
interface FirstBeginning {
  readonly wantsState: boolean;
  readonly resume: TrainState | undefined;
}

/**
 * Tells the first rank of every pipeline what the first of all knows; losses so far count on that one alone.
 *
 * @param column the first ranks
 */
export async function shareBeginning(
  column: ProcessGroup,
  { wantsState, resume }: FirstBeginning,
): Promise<FirstBeginning> {
  const [wanted] = await column.exchange(wantsState ? 'wanted' : '');
  if (column.rank === 0) {
    await giveState(column, resume);
    return { wantsState, resume };
  }
  const taken = await takeState(column);
  const partial = taken?.partial;
  return {
    wantsState: wanted === 'wanted',
    resume: taken && { ...taken, ...(partial && { partial: withoutSums(partial) }) },
  };
}

/**
 * Tells every rank what it begins with: rank 0 alone knows it, and hands each its part of a state to go on from.
 *
 * @param wantsState on rank 0: whether somebody takes states
 * @param resume on rank 0: where the run goes on
 * @param steps of an epoch
 * @throws UserError if that is another strategy's
 */
export async function agreeOnBeginning(
  group: ProcessGroup,
  { strategy, parts }: { readonly strategy: Strategy; readonly parts: readonly Part[] },
  { wantsState, resume }: FirstBeginning,
  steps: number,
): Promise<OwnBeginning> {
  if (group.rank > 0) {
    const { beginning, tensors } = await receiveBeginning(group);
    const { epochs, partial, counters } = beginning;
    const state = tensors === undefined ? undefined : { tensors, counters: counters! };
    return { wantsState: beginning.wantsState, epochs, partial, state };
  }
  if (resume !== undefined) refuseOtherState(strategy, resume);
  const epochs = resume?.epochs.length ?? 0;
  if (resume?.partial !== undefined) {
    checkTally(resume.partial, { epochs, steps, updates: strategy.updates.length });
  }
  const beginnings = parts.map(({ strategy: own, updates }) => ({
    wantsState,
    epochs,
    partial: resume?.partial && partOfTally(resume.partial, updates),
    state: resume && stateOf(own, resume),
  }));
  for (const [rank, { state, partial, ...rest }] of beginnings.entries()) {
    if (rank === 0) continue;
    const beginning = {
      ...rest,
      ...(partial === undefined ? {} : { partial }),
      ...(state === undefined ? {} : { counters: state.counters }),
    };
    await sendBeginning(group, rank, beginning, state?.tensors);
  }
  return beginnings[0]!;
}

function partOfTally(tally: EpochTally, { first, end }: Part['updates']): EpochTally {
  return {
    ...structuredClone(tally),
    imageLosses: tally.imageLosses.slice(first, end),
    peakBytes: tally.peakBytes.slice(first, end),
  };
}

/** What the training of all ranks' updates came to, on all shares of the batches: on rank 0. */
async function wholeTally({ group, shares }: BlocksRun, tally: EpochTally): Promise<EpochTally | undefined> {
  const all = await gatherNumbers(group, {
    imageLosses: tally.imageLosses,
    peakBytes: tally.peakBytes,
    reserved: [tally.reservedBytes],
  });
  if (all === undefined) return undefined;
  const of = (name: string): number[] => all.flatMap((each) => each[name]!);
  const { addUp, most } = shares ?? { addUp: alone, most: alone };
  const sums = await tallyOver({ ...tally, imageLosses: of('imageLosses') }, addUp);
  const [reservedBytes, ...peakBytes] = await most([Math.max(...of('reserved')), ...of('peakBytes')]);
  return { ...sums, peakBytes, reservedBytes: reservedBytes! };
}

type WholeEvaluation = Pick<PartEvaluation, 'hits' | 'loss' | 'amongFive'> & { readonly byClass: ByClass };

/** What the evaluation of all ranks' parts adds up to, on all shares of the images: on rank 0. */
async function wholeEvaluation(
  { strategy, group, shares }: BlocksRun,
  sums: PartEvaluation,
): Promise<WholeEvaluation | undefined> {
  const { hits, loss, amongFive, answered } = sums;
  const all = await gatherNumbers(group, {
    hits,
    ofHead: [loss, amongFive],
    answered: answered?.numbers ?? [],
  });
  if (all === undefined) return undefined;
  const { addUp } = shares ?? { addUp: alone };
  const ofHead = all.at(-1)!;
  const ofAll = all.flatMap((each) => each['hits']!);
  const [losses, five, ...rest] = await addUp([...ofHead['ofHead']!, ...ofAll, ...ofHead['answered']!]);
  return {
    ...{ loss: losses!, amongFive: five!, hits: rest.slice(0, ofAll.length) },
    byClass: byClassOf(strategy.network.classes, rest.slice(ofAll.length)),
  };
}

interface WholeEpoch {
  readonly tally: EpochTally;
  readonly evaluation: EpochRest['evaluation'];
  readonly byClass: ByClass;
}

/** What an epoch came to on all ranks: on rank 0. */
export async function wholeEpoch(
  run: BlocksRun,
  tally: EpochTally,
  sums: PartEvaluation,
): Promise<WholeEpoch | undefined> {
  const { addUp } = run.shares ?? { addUp: alone };
  const [images] = await addUp([sums.images]);
  if (images === 0) throw new UserError('there is no image to evaluate on: all of them are bad');
  if (tally.steps === 0) {
    throw new UserError(
      `epoch ${tally.epoch}: there is no image to train on: all of them are bad, or alone in their batch`,
    );
  }
  const whole = await wholeTally(run, tally);
  const evaluated = await wholeEvaluation(run, sums);
  if (whole === undefined || evaluated === undefined) return undefined;
  const { hits, loss, amongFive, byClass } = evaluated;
  const accuracies = run.strategy.updates.flatMap(({ name }, i) =>
    Number.isNaN(hits[i]) ? [] : [[name, hits[i]! / images!] as const],
  );
  const updateAccuracies = Object.fromEntries(accuracies);
  const head = run.strategy.updates[headIndex(run.strategy)]!.name;
  return {
    tally: whole,
    byClass,
    evaluation: {
      accuracy: updateAccuracies[head]!,
      loss: loss / images!,
      ...(hasTop5(run.strategy.network.classes) ? { top5: amongFive / images! } : {}),
      updateAccuracies,
    },
  };
}

/** Hands out, on rank 0, what is needed to go on, if anybody wants it: every rank's part, tensor by tensor. */
export async function handWholeState(run: BlocksRun, tally?: EpochTally): Promise<void> {
  if (!run.wantsState) return;
  const { strategy, part, group, options, epochs, shares } = run;
  const partial = tally && (await wholeTally(run, tally));
  // All shares' ranks have the same by now.
  if (shares !== undefined && shares.share.index > 0) return;
  const own = captureFinite({ ...run, strategy: part.strategy }, tally, () => lossesBefore(run));
  const tensors = await gatherTensors(group, own.tensors);
  const counters = await gatherCounters(run, own.counters);
  if (tensors === undefined || counters === undefined) return;
  const state = stateOf(strategy, { tensors, counters });
  refuseOtherState(strategy, state);
  options.onState?.({
    ...state,
    epochs: [...epochs],
    ...(partial === undefined ? {} : { partial }),
  });
}

async function gatherCounters(
  { group }: BlocksRun,
  own: TrainState['counters'],
): Promise<TrainState['counters'] | undefined> {
  const numbers = Object.fromEntries(Object.entries(own).map(([name, value]) => [name, [value]]));
  const all = await gatherNumbers(group, numbers);
  return (
    all &&
    Object.fromEntries(all.flatMap((each) => Object.entries(each).map(([name, [value]]) => [name, value!])))
  );
}
