import type { TrainSection } from './options.js';

/** What the learning rate depends on, beside the moment. */
export type ScheduleOptions = Pick<TrainSection, 'schedule' | 'learningRate' | 'epochs' | 'warmupEpochs'>;

/** The learning rate that warm-up starts from, as in the papers' code. */
const warmupStart = 0.01;

/**
 * The learning rate in epoch e = 1…E, a fraction 0…1 of that epoch being done.
 *
 * `cosine` (the papers'): ½·lr·(1 + cos(π·e / E)), the same throughout an epoch and 0 in the last; for e ≤ W warm-up
 * epochs it becomes rate·(e − 1)/W + 0.01·(W + 1 − e)/W. `cosine-imagenet` has e − 1 in the place of e.
 * `cosine-steps` follows the same curve and the same warm-up continuously, from the first step to the last. `step` is
 * lr, lr/10 and lr/100 for a third of the epochs each (He et al. 2016, as torchvision trains: 90 epochs, every 30).
 * `constant` has the warm-up alone.
 */
export function learningRateAt(epoch: number, fraction: number, options: ScheduleOptions): number {
  const { learningRate, warmupEpochs, schedule } = options;
  const done = epoch - 1 + (schedule === 'cosine-steps' ? fraction : 0);
  const rate = learningRate * shareAt(epoch, done, options);
  if (done >= warmupEpochs) return rate;
  return (rate * done + Math.min(warmupStart, learningRate) * (warmupEpochs - done)) / warmupEpochs;
}

/** Of the learning rate, warm-up left aside; `done` epochs are behind. */
function shareAt(epoch: number, done: number, { schedule, epochs }: ScheduleOptions): number {
  const cosine = (at: number): number => (1 + Math.cos((Math.PI * at) / epochs)) / 2;
  switch (schedule) {
    case 'cosine':
      return cosine(epoch);
    case 'cosine-imagenet':
    case 'cosine-steps':
      return cosine(done);
    case 'step':
      return 0.1 ** Math.floor((3 * done) / epochs);
    case 'constant':
      return 1;
  }
}
