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
  {
    accumulate = 1,
    syncBatchNorm = false,
    earlyStopping,
    logEvery,
  }: Pick<TrainSettings, 'accumulate' | 'syncBatchNorm' | 'earlyStopping' | 'logEvery'>,
  metrics: readonly MetricKind[] | undefined,
  shares = 1,
): void {
  if (accumulate > 1) {
    throw new UserError(
      'accumulate: blocks on several ranks take their batches whole: leave it out, or train on one rank',
    );
  }
  if (syncBatchNorm && shares === 1) {
    throw new UserError(
      'train.syncBatchNorm: is for ranks that share every batch; those with blocks see the whole: leave it out',
    );
  }
  if (earlyStopping !== undefined) {
    throw new UserError(
      'train.earlyStopping: is not for blocks on several ranks, which know no accuracy but their own: leave it out',
    );
  }
  refuseMetricsOnRanks(metrics);
  if (logEvery !== undefined) throw new UserError(noStepsOnRanks);
}
