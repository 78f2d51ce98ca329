import type { Strategy } from '../local/strategy.js';
import type { Evaluation } from './evaluate.js';
import type { EpochMetrics } from './events.js';
import { headIndex } from './head-update.js';
import type { EpochTally } from './tally.js';

/** What is known of an epoch beside the tally of its training. */
export interface EpochRest {
  /** Of its first step. */
  readonly learningRate: number;
  readonly evaluation: Pick<Evaluation, 'accuracy' | 'loss' | 'top5'> &
    Pick<EpochMetrics, 'updateAccuracies'>;
  /** Of metrics of one's own, where there are any. */
  readonly metrics?: Readonly<Record<string, number>> | undefined;
  readonly evaluationSeconds: number;
  /** Images that the evaluation went without, and those for which the epoch had no batch. */
  readonly skippedImages: number;
}

/** An epoch's row of metrics. */
export function epochMetrics(
  strategy: Strategy,
  tally: EpochTally,
  { learningRate, evaluation, metrics, evaluationSeconds, skippedImages }: EpochRest,
): EpochMetrics {
  const byName = (values: readonly number[]): Record<string, number> =>
    Object.fromEntries(strategy.updates.map((update, i) => [update.name, values[i]!]));
  const meanLosses = tally.imageLosses.map((sum) => sum / tally.images);
  return {
    epoch: tally.epoch,
    learningRate,
    trainLoss: meanLosses[headIndex(strategy)]!,
    evaluationLoss: evaluation.loss,
    evaluationAccuracy: evaluation.accuracy,
    ...(evaluation.top5 === undefined ? {} : { evaluationTop5: evaluation.top5 }),
    imagesPerSecond: tally.images / tally.seconds,
    trainSeconds: tally.seconds,
    evaluationSeconds,
    dataWaitSeconds: tally.waitSeconds,
    skippedImages: tally.skipped + skippedImages,
    peakMemoryBytes: Math.max(...tally.peakBytes),
    reservedMemoryBytes: tally.reservedBytes,
    updateLosses: byName(meanLosses),
    updatePeakBytes: byName(tally.peakBytes),
    updateAccuracies: evaluation.updateAccuracies,
    ...(metrics === undefined ? {} : { metrics }),
  };
}
