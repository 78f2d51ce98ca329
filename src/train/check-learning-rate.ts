import { UserError } from '../core/errors.js';
import { learningRateAt, type ScheduleOptions } from './schedule.js';

/**
 * Throws a UserError for a training that cannot move a weight, because its learning rate is 0 in float32. One that
 * begins with 0 stays there: rates that rise begin above 0.
 */
export function checkLearningRate(options: ScheduleOptions): void {
  const rate = learningRateAt({ epoch: 1, step: 0, steps: 1 }, options);
  if (Math.fround(rate) > 0) return;
  const { schedule, epochs, learningRate } = options;
  throw new UserError(
    rate === 0 && typeof schedule === 'string'
      ? `train.schedule: '${schedule}' ends with a learning rate of 0, which with train.epochs=${epochs} is that of every step, so nothing would be learnt: choose train.schedule=cosine-steps or train.schedule=constant, or more epochs`
      : `train.learningRate: ${learningRate} is so small that steps of ${rate} are 0 in float32, so nothing would be learnt: raise it`,
  );
}
