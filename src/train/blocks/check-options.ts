import { UserError } from '../../core/errors.js';
import { refuseMetricsOnRanks, type MetricKind } from '../metric.js';
import type { TrainSettings } from '../optimizers.js';
import { noStepsOnRanks } from '../over-ranks.js';

/**
 * Refuses what blocks on several ranks cannot be trained with.
 *
 * @param shares of every batch that ranks with the same blocks have
 * @throws UserError that names the key
 */
export function checkBlockOptions(
  { syncBatchNorm = false, logEvery }: Pick<TrainSettings, 'syncBatchNorm' | 'logEvery'>,
  metrics: readonly MetricKind[] | undefined,
  shares = 1,
): void {
  if (syncBatchNorm && shares === 1) {
    throw new UserError(
      'train.syncBatchNorm: is for ranks that share every batch; those with blocks see the whole: leave it out',
    );
  }
  refuseMetricsOnRanks(metrics);
  if (logEvery !== undefined) throw new UserError(noStepsOnRanks);
}
