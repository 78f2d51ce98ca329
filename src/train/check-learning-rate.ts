import { UserError } from '../core/errors.js';
import type { LocalUpdate } from '../local/update.js';
import { learningRateAt, type ScheduleOptions } from './schedule.js';

/**
 * A float32 weight of 1e-5, far below what any layer begins with, does not change by less than this. Gradients of the
 * order of 1, which Adam's steps have by design, are not made up for by larger ones.
 */
const leastRate = 1e-12;

/**
 * Throws a UserError for a training that cannot move a weight, because its learning rate is 0 or lost in float32. One
 * that begins with 0 stays there: rates that rise begin above 0.
 */
export function checkLearningRate(options: ScheduleOptions): void {
  const rate = learningRateAt({ epoch: 1, step: 0, steps: 1 }, options);
  if (rate >= leastRate) return;
  const { schedule, epochs, learningRate } = options;
  throw new UserError(
    rate === 0 && typeof schedule === 'string'
      ? `train.schedule: '${schedule}' ends with a learning rate of 0, which with train.epochs=${epochs} is that of every step, so nothing would be learnt: choose train.schedule=cosine-steps or train.schedule=constant, or more epochs`
      : `train.learningRate: ${learningRate} is so small that steps of ${rate} are lost in float32 beside any weight, so nothing would be learnt: raise it, to steps of ${leastRate} at least`,
  );
}

/** Throws a UserError for `rateFactors` that hold every one of a whole strategy's updates still. */
export function checkRateFactors(
  updates: readonly LocalUpdate[],
  { rateFactors = {} }: { readonly rateFactors?: Readonly<Record<string, number>> | undefined },
): void {
  if (updates.length === 0 || updates.some(({ name }) => rateFactors[name] !== 0)) return;
  throw new UserError(
    `train.rateFactors: the factor of every update (${updates.map(({ name }) => name).join(', ')}) is 0, so nothing would be learnt: give one a factor above 0`,
  );
}
