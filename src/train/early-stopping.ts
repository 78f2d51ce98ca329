import type { EpochMetrics } from './events.js';
import type { TrainSection } from './options.js';

/**
 * Whether training ends early (Prechelt 1998): the best accuracy on the split evaluated on has not been beaten, by more
 * than `minDelta`, for `patience` epochs. It depends on the finished epochs alone, so that a resumed run ends where one
 * that was never interrupted does.
 */
export function hasStalled(
  epochs: readonly Pick<EpochMetrics, 'evaluationAccuracy'>[],
  earlyStopping: TrainSection['earlyStopping'],
): boolean {
  if (earlyStopping === undefined) return false;
  const { patience, minDelta } = earlyStopping;
  let [best, at] = [-Infinity, 0];
  for (const [i, { evaluationAccuracy }] of epochs.entries()) {
    if (evaluationAccuracy > best + minDelta) [best, at] = [evaluationAccuracy, i];
  }
  return epochs.length - 1 - at >= patience;
}
