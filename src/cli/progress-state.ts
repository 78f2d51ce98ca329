import type { TrainEvent } from '../train/events.js';

/** Where a run stands. */
export interface ProgressState {
  readonly epoch: number;
  readonly epochs: number;
  /** Of the epoch's training steps, or of its evaluation's. */
  readonly step: number;
  readonly steps: number;
  readonly phase: 'train' | 'test' | 'validation';
  /** Of the last training step. */
  readonly loss: number | undefined;
  /** Over this epoch's training steps so far. */
  readonly imagesPerSecond: number | undefined;
  /** Until the run ends, evaluations included; undefined before the first step. */
  readonly secondsLeft: number | undefined;
  /** Steps done of all training and evaluation steps. */
  readonly done: number;
  readonly total: number;
}

/** Until one was timed, an evaluation step counts as a third of a training step: forward without backward. */
const evaluationShare = 1 / 3;

/**
 * Follows a run's events and tells after each where the run stands.
 *
 * @param clock seconds, from any beginning
 */
export function trackProgress(
  run: {
    readonly epochs: number;
    readonly evaluationSteps: number;
    readonly evaluatedOn: 'test' | 'validation';
  },
  clock: () => number,
): (event: TrainEvent) => ProgressState {
  const trained = { steps: 0, seconds: 0 };
  const evaluated = { steps: 0, seconds: 0 };
  const epochSoFar = { images: 0, seconds: 0 };
  let { evaluationSteps } = run;
  const { evaluatedOn } = run;
  let trainSteps = 0;
  let loss: number | undefined;
  let last = clock();
  let state: Pick<ProgressState, 'epoch' | 'step' | 'steps' | 'phase'> = {
    epoch: 1,
    step: 0,
    steps: 0,
    phase: 'train',
  };
  return (event) => {
    const now = clock();
    const passed = now - last;
    last = now;
    switch (event.type) {
      case 'epoch-start':
        trainSteps = event.steps;
        Object.assign(epochSoFar, { images: 0, seconds: 0 });
        state = { epoch: event.epoch, step: 0, steps: event.steps, phase: 'train' };
        break;
      case 'step':
        trained.steps++;
        trained.seconds += passed;
        epochSoFar.images += event.images;
        epochSoFar.seconds += passed;
        loss = event.loss;
        state = { epoch: event.epoch, step: event.step, steps: event.steps, phase: 'train' };
        break;
      case 'evaluation':
        evaluated.steps++;
        evaluated.seconds += passed;
        evaluationSteps = event.steps;
        state = { epoch: event.epoch, step: event.step, steps: event.steps, phase: evaluatedOn };
        break;
      case 'step-metrics':
      case 'skipped':
      case 'ranks':
      case 'not-captured':
      case 'stalled':
        break;
      case 'epoch-end':
        state = {
          epoch: event.metrics.epoch,
          step: evaluationSteps,
          steps: evaluationSteps,
          phase: evaluatedOn,
        };
        break;
    }
    // By place and not by what was counted: a resumed run begins anywhere.
    const testing = state.phase !== 'train';
    const trainDone = (state.epoch - 1) * trainSteps + (testing ? trainSteps : state.step);
    const evaluationDone = (state.epoch - 1) * evaluationSteps + (testing ? state.step : 0);
    const trainLeft = run.epochs * trainSteps - trainDone;
    const evaluationLeft = run.epochs * evaluationSteps - evaluationDone;
    const stepSeconds = trained.steps > 0 ? trained.seconds / trained.steps : undefined;
    const evaluationSeconds =
      evaluated.steps > 0 ? evaluated.seconds / evaluated.steps : (stepSeconds ?? 0) * evaluationShare;
    return {
      ...state,
      epochs: run.epochs,
      loss,
      imagesPerSecond: epochSoFar.seconds > 0 ? epochSoFar.images / epochSoFar.seconds : undefined,
      secondsLeft:
        stepSeconds === undefined
          ? undefined
          : Math.max(0, trainLeft) * stepSeconds + Math.max(0, evaluationLeft) * evaluationSeconds,
      done: trainDone + evaluationDone,
      total: run.epochs * (trainSteps + evaluationSteps),
    };
  };
}
