import { buildChosen } from '../core/choice.js';
import type { TrainSection } from './options.js';
import { builtInSchedules, type Moment, type Schedule, type ScheduleKind } from './schedules.js';

/** What the learning rate depends on, beside the moment. */
export interface ScheduleOptions extends Pick<TrainSection, 'learningRate' | 'epochs' | 'warmupEpochs'> {
  /** One that is named, or itself. */
  readonly schedule: TrainSection['schedule'] | Schedule;
  /** Those that can be named; default: the built-in ones. */
  readonly schedules?: readonly ScheduleKind[] | undefined;
}

/** The learning rate that warm-up starts from, as in the papers' code. */
const warmupStart = 0.01;

/**
 * The learning rate of a step.
 *
 * `cosine` (the papers'): ½·lr·(1 + cos(π·e / E)) in epoch e = 1…E, the same throughout an epoch and 0 in the last; for
 * e ≤ W warm-up epochs it becomes rate·(e − 1)/W + 0.01·(W + 1 − e)/W. `cosine-imagenet` has e − 1 in the place of e.
 * `cosine-steps` follows the same curve and the same warm-up continuously, from the first step to the last. `step` is
 * lr, lr/10 and lr/100 for a third of the epochs each (He et al. 2016, as torchvision trains: 90 epochs, every 30).
 * `constant` has the warm-up alone. Those that take options: `one-cycle`, `steps` and `linear`, as PyTorch has them;
 * with warm-up, theirs rises epoch by epoch.
 */
export function learningRateAt(moment: Moment, options: ScheduleOptions): number {
  const { learningRate, warmupEpochs, schedule, epochs, schedules = builtInSchedules } = options;
  const chosen = typeof schedule === 'string' ? { name: schedule } : schedule;
  const shareAt = typeof chosen === 'function' ? chosen : buildChosen(schedules, chosen);
  const rate = learningRate * shareAt(moment, epochs);
  const done = moment.epoch - 1 + (schedule === 'cosine-steps' ? moment.step / moment.steps : 0);
  if (done >= warmupEpochs) return rate;
  return (rate * done + Math.min(warmupStart, learningRate) * (warmupEpochs - done)) / warmupEpochs;
}
