import type { TrainSection } from './options.js';

/** What the learning rate depends on, beside the moment. */
export type ScheduleOptions = Pick<TrainSection, 'schedule' | 'learningRate' | 'epochs' | 'warmupEpochs'>;

/** The learning rate that warm-up starts from, as in the papers' code. */
const warmupStart = 0.01;

/**
 * The learning rate in epoch e = 1…E, a fraction 0…1 of that epoch being done.
 *
 * `cosine` (the papers'): ½·lr·(1 + cos(π·e / E)), the same throughout an epoch and 0 in the last; for e ≤ W warm-up
 * epochs it becomes rate·(e − 1)/W + 0.01·(W + 1 − e)/W. `cosine-steps` follows the same curve and the same warm-up
 * continuously, from the first step to the last. `constant` has the warm-up alone.
 */
export function learningRateAt(epoch: number, fraction: number, options: ScheduleOptions): number {
  const { schedule, learningRate, warmupEpochs } = options;
  const done = epoch - 1 + (schedule === 'cosine-steps' ? fraction : 0);
  const rate = schedule === 'constant' ? learningRate : cosine(schedule === 'cosine' ? epoch : done, options);
  if (done >= warmupEpochs) return rate;
  return (rate * done + Math.min(warmupStart, learningRate) * (warmupEpochs - done)) / warmupEpochs;
}

function cosine(at: number, { learningRate, epochs }: ScheduleOptions): number {
  return (learningRate / 2) * (1 + Math.cos((Math.PI * at) / epochs));
}
