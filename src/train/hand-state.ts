import { messageOf, UserError } from '../core/errors.js';
import type { Dataset } from '../data/dataset.js';
import { inPhase } from '../engine/out-of-memory.js';
import type { Strategy } from '../local/strategy.js';
import { Diverged, remedyOn } from './diverged.js';
import type { EpochMetrics } from './events.js';
import { lossesBefore, type Run } from './run-at-hand.js';
import type { Optimizer } from './optimizer.js';
import { captureState, findNotFinite, type TrainState } from './state.js';
import type { EpochTally } from './tally.js';
import type { WeightAverage } from './weight-average.js';

/** What a checkpoint is captured of. */
interface Owner {
  readonly strategy: Strategy;
  readonly optimizer: Optimizer;
  readonly average: WeightAverage | undefined;
  readonly dataset: Dataset;
  readonly epochs: readonly EpochMetrics[];
}

/**
 * What of it goes into a checkpoint.
 *
 * @param tally of the epoch under way, if one is
 * @param losses of the step before, by update
 * @throws Diverged if a tensor is not finite: nobody could go on from that
 */
export function captureFinite(
  { strategy, optimizer, average, dataset, epochs }: Owner,
  tally: EpochTally | undefined,
  losses: () => Record<string, number>,
): Pick<TrainState, 'tensors' | 'counters'> {
  const at = tally === undefined ? `epoch ${epochs.length}` : `epoch ${tally.epoch}, step ${tally.steps}`;
  const remedy = 'free memory on this machine';
  const state = inPhase(`${at}, checkpoint`, remedy, () => captureState(strategy, optimizer, average));
  const bad = findNotFinite(strategy, state.tensors);
  if (bad === undefined) return state;
  const owners = bad.updates.length === 0 ? '' : `, which update '${bad.updates.join("' and '")}' trains,`;
  throw new Diverged(at, `${bad.name}${owners} became ${bad.value}`, losses(), remedyOn(dataset));
}

/** Hands out what is needed to go on. Throws a UserError if a tensor is not finite: nobody could go on from that. */
export function handState(run: Run, tally?: EpochTally): void {
  const { options, epochs } = run;
  if (options.onState === undefined) return;
  options.onState({
    ...captureFinite(run, tally, () => lossesBefore(run)),
    epochs: [...epochs],
    ...(tally === undefined ? {} : { partial: structuredClone(tally) }),
  });
}

/** Keeps what an epoch has come to when its data fails; if that fails too, both are told. */
export function handStateAfter(error: unknown, run: Run, tally: EpochTally): void {
  try {
    handState(run, tally);
  } catch (second) {
    throw new UserError(`${messageOf(error)}; and then: ${messageOf(second)}`, { cause: error });
  }
}
