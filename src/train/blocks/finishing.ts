import { follow } from '../../distributed/blocks/follow.js';
import { waitingFor } from '../../distributed/blocks/link.js';
import { scoped } from '../../engine/scoped.js';
import { freeStreams, type Streams } from '../../local/update.js';
import type { EpochTally } from '../tally.js';
import type { WayBack } from './crossing.js';
import { notePeaks, type BlocksRun } from './run.js';
import { firstOnLent, type RunningStep } from './step.js';

/** What a pass's steps wait for before they are whole. */
export interface Finishing {
  /**
   * Runs a step's updates, of which those that need the step before whole wait for that.
   *
   * @param runTo runs them up to one, given what the last one that ran has handed on, where there is such
   * @returns what goes to the next rank, the caller's
   */
  run(step: RunningStep, runTo: (update: number, given?: Streams) => Streams): Promise<Streams>;
  /** Makes a step whole, at once or when it is next needed. */
  finish(step: RunningStep): Promise<void>;
  /** Makes the last step whole, and takes what comes after it. */
  end(): Promise<void>;
  /** Frees what was not finished. */
  drop(): void;
}

export function finishing(run: BlocksRun, tally: EpochTally, back: WayBack): Finishing {
  const { group, part, average, shares, link } = run;
  const { updates } = part.strategy;
  const { length } = updates;
  const following = follow(group, part);
  // A block that the next rank trains too is stepped when it is next needed: until then the step after is run. Not where
  // anybody reads its weights before, or it is not all that waits.
  const putsOff =
    part.lends !== undefined &&
    average === undefined &&
    shares === undefined &&
    part.follows.length === 0 &&
    part.followed.length === 0;
  let putOff: RunningStep | undefined;
  const finish = async (step: RunningStep): Promise<void> => {
    const waits = step.waits();
    try {
      if (waits) await waitingFor(link, following!.arrive());
      const whole = part.lends && (await waitingFor(link, back.take()));
      scoped(() => step.finish(whole));
    } catch (error) {
      step.drop();
      throw error;
    }
    if (waits) following!.leave();
    notePeaks(run, tally, step.peaks);
  };
  const settle = async (): Promise<void> => {
    const step = putOff;
    putOff = undefined;
    if (step !== undefined) await finish(step);
  };
  /** Before which updates something is waited for. */
  const pauses: readonly { readonly update: number; readonly wait: () => Promise<void> }[] =
    shares !== undefined
      ? updates.map((each, update) => ({
          update,
          // What comes after it may read later updates' variables, as they are before their steps.
          wait: () => (each.after === undefined ? shares.putOff.before(update) : shares.putOff.beforeAll()),
        }))
      : putsOff
        ? [{ update: firstOnLent(part), wait: settle }]
        : [];
  return {
    async run(step, runTo) {
      let made: Streams | undefined;
      for (const { update, wait } of pauses) {
        made = runTo(update, made);
        try {
          await wait();
        } catch (error) {
          freeStreams(made);
          step.drop();
          throw error;
        }
      }
      return runTo(length, made);
    },
    async finish(step) {
      if (putsOff) putOff = step;
      else await finish(step);
    },
    async end() {
      await settle();
      await following?.end();
    },
    drop() {
      putOff?.drop();
      shares?.putOff.free();
    },
  };
}
