import { messageOf, UserError } from '../core/errors.js';
import { inPhase } from '../engine/out-of-memory.js';
import { Diverged, remedyOn } from './diverged.js';
import { lossesBefore, type Run } from './run-at-hand.js';
import { captureState, findNotFinite } from './state.js';
import type { EpochTally } from './tally.js';

/** Hands out what is needed to go on. Throws a UserError if a tensor is not finite: nobody could go on from that. */
export function handState(run: Run, tally?: EpochTally): void {
  const { strategy, optimizer, average, options, epochs } = run;
  if (options.onState === undefined) return;
  const at = tally === undefined ? `epoch ${epochs.length}` : `epoch ${tally.epoch}, step ${tally.steps}`;
  const remedy = 'free memory on this machine';
  const state = inPhase(`${at}, checkpoint`, remedy, () => captureState(strategy, optimizer, average));
  const bad = findNotFinite(strategy, state.tensors);
  if (bad !== undefined) {
    const owners = bad.updates.length === 0 ? '' : `, which update '${bad.updates.join("' and '")}' trains,`;
    throw new Diverged(
      at,
      `${bad.name}${owners} became ${bad.value}`,
      lossesBefore(run),
      remedyOn(run.dataset),
    );
  }
  options.onState({
    ...state,
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
