import type { TrainEvent } from '../train/events.js';

/** A run as it is told of when it begins. */
export interface ObservedRun {
  readonly label: string;
  readonly seed: number;
  readonly epochs: number;
  /** Batches of an evaluation. */
  readonly evaluationSteps: number;
  readonly evaluatedOn: 'test' | 'validation';
  /** Which of several runs it is, from 1; those that were taken as they are count. */
  readonly place?: RunPlace;
}

/** Which of several runs one is. */
export interface RunPlace {
  readonly number: number;
  readonly of: number;
}

/** Called as a run goes on; drawing progress is what it is for. */
export interface RunObserver {
  /** A run begins. */
  start(run: ObservedRun): void;
  /** Its training goes on. */
  event(event: TrainEvent): void;
  /** It has ended, however it ended. */
  end(): void;
  /**
   * Something to know that is no part of the training, such as how cut points were chosen. `always`: also for those who
   * want no progress, as it tells what the results are of.
   */
  note(message: string, always?: 'always'): void;
}

/** The same observer, told which of several runs begins. */
export function placed(observer: RunObserver, place: RunPlace): RunObserver {
  return { ...observer, start: (run) => observer.start({ ...run, place }) };
}
