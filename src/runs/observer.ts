import type { TrainEvent } from '../train/events.js';

/** Called as a run goes on; drawing progress is what it is for. */
export interface RunObserver {
  /** A run begins; `evaluationSteps` are the batches of an evaluation. */
  start(run: {
    readonly label: string;
    readonly epochs: number;
    readonly evaluationSteps: number;
    readonly evaluatedOn: 'test' | 'validation';
  }): void;
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
