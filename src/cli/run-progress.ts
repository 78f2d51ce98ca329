import type { ObservedRun } from '../runs/observer.js';
import type { TrainEvent } from '../train/events.js';
import { mean } from '../core/stats.js';
import { trackProgress, type ProgressState } from './progress-state.js';

/** Where one of several runs stands. */
export interface Standing {
  readonly run: ObservedRun;
  /** Undefined before its first event. */
  readonly state: ProgressState | undefined;
  /** Of this run and of those behind it; undefined before the first step. */
  readonly secondsLeftOfAll: number | undefined;
}

/**
 * Follows one run after another. Those that have not begun are taken to need as long as those that are over did, or, in
 * the first, as this one will.
 *
 * @param clock seconds, from any beginning
 */
export function followRuns(clock: () => number): {
  readonly start: (run: ObservedRun) => Standing;
  readonly event: (event: TrainEvent) => Standing;
  readonly end: () => void;
} {
  const over: number[] = [];
  let began = 0;
  let track: ((event: TrainEvent) => ProgressState) | undefined;
  let standing: Standing | undefined;
  return {
    start: (run) => {
      began = clock();
      track = trackProgress(run, clock);
      return (standing = { run, state: undefined, secondsLeftOfAll: undefined });
    },
    event: (event) => {
      if (track === undefined || standing === undefined) throw new Error('no run has begun');
      const { run } = standing;
      const state = track(event);
      const { number, of } = run.place ?? { number: 1, of: 1 };
      const { secondsLeft } = state;
      const each = over.length > 0 ? mean(over) : clock() - began + (secondsLeft ?? 0);
      const secondsLeftOfAll = secondsLeft === undefined ? undefined : secondsLeft + (of - number) * each;
      return (standing = { run, state, secondsLeftOfAll });
    },
    end: () => {
      if (standing !== undefined) over.push(clock() - began);
    },
  };
}
