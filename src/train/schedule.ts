import { buildChosen } from '../core/choice.js';
import { UserError } from '../core/errors.js';
import { showValue } from '../core/schema-problems.js';
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
 *
 * @throws UserError where a schedule of one's own gives no such share
 */
export function learningRateAt(moment: Moment, options: ScheduleOptions): number {
  const { learningRate, warmupEpochs, schedule, epochs, schedules = builtInSchedules } = options;
  const chosen = typeof schedule === 'string' ? { name: schedule } : schedule;
  const shareAt = typeof chosen === 'function' ? chosen : buildChosen(schedules, chosen);
  const share: unknown = shareAt(moment, epochs);
  if (!(typeof share === 'number' && share >= 0 && Number.isFinite(share))) {
    throw new UserError(
      `train.schedule: must give the share of the learning rate, a number from 0, and gave ${showValue(share)} in epoch ${moment.epoch}, after ${moment.step} of its steps`,
    );
  }
  const rate = learningRate * share;
  const done = moment.epoch - 1 + (schedule === 'cosine-steps' ? moment.step / moment.steps : 0);
  if (done >= warmupEpochs) return rate;
  return (rate * done + Math.min(warmupStart, learningRate) * (warmupEpochs - done)) / warmupEpochs;
}
