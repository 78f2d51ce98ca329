import { inPhase } from '../../engine/out-of-memory.js';
import { UserError } from '../../core/errors.js';
import type { Part } from '../../distributed/blocks/part.js';
import type { ProcessGroup } from '../../distributed/process-group.js';
import type { Strategy } from '../../local/strategy.js';
import type { TrainContext } from '../context.js';
import { Diverged, remedyOn } from '../diverged.js';
import type { EpochRest } from '../epoch-metrics.js';
import { headIndex } from '../head-update.js';
import type { TrainSettings } from '../optimizers.js';
import { captureState, findNotFinite, refuseOtherState, stateOf, type TrainState } from '../state.js';
import { checkTally, type EpochTally } from '../tally.js';
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

/**
 * Tells every rank what it begins with: rank 0 alone knows it, and hands each its part of a state to go on from.
 *
 * @param steps of an epoch
 * @throws UserError if that is another strategy's
 */
export async function agreeOnBeginning(
  group: ProcessGroup,
  { strategy, parts }: { readonly strategy: Strategy; readonly parts: readonly Part[] },
  options: TrainSettings & TrainContext,
  steps: number,
): Promise<OwnBeginning> {
  if (group.rank > 0) {
    const { beginning, tensors } = await receiveBeginning(group);
    const { wantsState, epochs, partial, counters } = beginning;
    const state = tensors === undefined ? undefined : { tensors, counters: counters! };
    return { wantsState, epochs, partial, state };
  }
  const { resume, onState } = options;
  if (resume !== undefined) refuseOtherState(strategy, resume);
  const epochs = resume?.epochs.length ?? 0;
  if (resume?.partial !== undefined) {
    checkTally(resume.partial, { epochs, steps, updates: strategy.updates.length });
  }
  const beginnings = parts.map(({ strategy: own, updates }) => ({
    wantsState: onState !== undefined,
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

/** What all ranks' training came to: on rank 0. */
async function wholeTally(
  { group }: BlocksRun,
  tally: EpochTally,
  sums?: PartEvaluation,
): Promise<
  { tally: EpochTally; evaluated: readonly Readonly<Record<string, readonly number[]>>[] } | undefined
> {
  const all = await gatherNumbers(group, {
    imageLosses: tally.imageLosses,
    peakBytes: tally.peakBytes,
    reserved: [tally.reservedBytes],
    ...(sums === undefined
      ? {}
      : { hits: sums.hits, loss: [sums.loss], amongFive: [sums.amongFive], images: [sums.images] }),
  });
  if (all === undefined) return undefined;
  return {
    tally: {
      ...structuredClone(tally),
      imageLosses: all.flatMap(({ imageLosses }) => imageLosses!),
      peakBytes: all.flatMap(({ peakBytes }) => peakBytes!),
      reservedBytes: Math.max(...all.flatMap(({ reserved }) => reserved!)),
    },
    evaluated: all,
  };
}

/** What an epoch came to on all ranks: on rank 0. */
export async function wholeEpoch(
  run: BlocksRun,
  tally: EpochTally,
  sums: PartEvaluation,
): Promise<{ readonly tally: EpochTally; readonly evaluation: EpochRest['evaluation'] } | undefined> {
  if (sums.images === 0) throw new UserError('there is no image to evaluate on: all of them are bad');
  if (tally.steps === 0) {
    throw new UserError(
      `epoch ${tally.epoch}: there is no image to train on: all of them are bad, or alone in their batch`,
    );
  }
  const whole = await wholeTally(run, tally, sums);
  if (whole === undefined) return undefined;
  const hits = whole.evaluated.flatMap((each) => each['hits']!);
  const accuracies = run.strategy.updates.flatMap(({ name }, i) =>
    Number.isNaN(hits[i]) ? [] : [[name, hits[i]! / sums.images] as const],
  );
  const updateAccuracies = Object.fromEntries(accuracies);
  const head = run.strategy.updates[headIndex(run.strategy)]!.name;
  return {
    tally: whole.tally,
    evaluation: {
      accuracy: updateAccuracies[head]!,
      loss: whole.evaluated.at(-1)!['loss']![0]! / sums.images,
      ...(hasTop5(run.strategy.network.classes)
        ? { top5: whole.evaluated.at(-1)!['amongFive']![0]! / sums.images }
        : {}),
      updateAccuracies,
    },
  };
}

/** Hands out, on rank 0, what is needed to go on, if anybody wants it: every rank's part, tensor by tensor. */
export async function handWholeState(run: BlocksRun, tally?: EpochTally): Promise<void> {
  if (!run.wantsState) return;
  const { strategy, part, group, stepper, average, options, epochs } = run;
  const at = tally === undefined ? `epoch ${epochs.length}` : `epoch ${tally.epoch}, step ${tally.steps}`;
  const own = inPhase(`${at}, checkpoint`, 'free memory on this machine', () =>
    captureState(part.strategy, stepper.optimizer, average),
  );
  const bad = findNotFinite(part.strategy, own.tensors);
  if (bad !== undefined) {
    const owners = bad.updates.length === 0 ? '' : `, which update '${bad.updates.join("' and '")}' trains,`;
    throw new Diverged(
      at,
      `${bad.name}${owners} became ${bad.value}`,
      lossesBefore(run),
      remedyOn(run.dataset),
    );
  }
  const tensors = await gatherTensors(group, own.tensors);
  const counters = await gatherCounters(run, own.counters);
  const partial = tally === undefined ? undefined : await wholeTally(run, tally);
  if (tensors === undefined || counters === undefined) return;
  const state = stateOf(strategy, { tensors, counters });
  refuseOtherState(strategy, state);
  options.onState?.({
    ...state,
    epochs: [...epochs],
    ...(partial === undefined ? {} : { partial: partial.tally }),
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
