import type { EpochMetrics, StepMetrics } from '../../train/events.js';
import type { MetricsColumns } from '../metrics.js';

/**
 * An epoch's points as TensorBoard shows them: what stands before a tag's slash is the group of its chart. Bytes are
 * in megabytes of 10⁶, as everywhere.
 */
export function scalarsOf(
  epoch: EpochMetrics,
  { evaluatedOn, averaged = false }: Omit<MetricsColumns, 'updates'>,
): (readonly [tag: string, value: number])[] {
  const each = (group: string, values: Readonly<Record<string, number>>): (readonly [string, number])[] =>
    Object.entries(values).map(([update, value]) => [`${group}/${update}`, value] as const);
  const split = averaged ? `${evaluatedOn}_averaged` : evaluatedOn;
  return [
    [`accuracy/${split}`, epoch.evaluationAccuracy],
    ...(epoch.evaluationTop5 === undefined
      ? []
      : [[`accuracy/${split}_top5`, epoch.evaluationTop5] as const]),
    [`loss/${split}`, epoch.evaluationLoss],
    ['loss/train', epoch.trainLoss],
    ['learning_rate', epoch.learningRate],
    ['speed/images_per_second', epoch.imagesPerSecond],
    ['speed/train_seconds', epoch.trainSeconds],
    ['speed/evaluation_seconds', epoch.evaluationSeconds],
    ['speed/data_wait_seconds', epoch.dataWaitSeconds],
    ['memory_MB/peak', epoch.peakMemoryBytes / 1e6],
    ['memory_MB/reserved', epoch.reservedMemoryBytes / 1e6],
    ...each('metric', epoch.metrics ?? {}),
    ...each('update_loss', epoch.updateLosses),
    ...each('update_accuracy', epoch.updateAccuracies),
    ...each(
      'update_memory_MB',
      mapValues(epoch.updatePeakBytes, (bytes) => bytes / 1e6),
    ),
  ];
}

/** The same of a single step. */
export function stepScalarsOf(metrics: StepMetrics): (readonly [tag: string, value: number])[] {
  const losses = Object.entries(metrics.updateLosses);
  return [
    ['learning_rate', metrics.learningRate],
    ['speed/images_per_second', metrics.imagesPerSecond],
    ...losses.map(([update, loss]) => [`step_loss/${update}`, loss] as const),
  ];
}

function mapValues(
  values: Readonly<Record<string, number>>,
  f: (value: number) => number,
): Record<string, number> {
  return Object.fromEntries(Object.entries(values).map(([key, value]) => [key, f(value)]));
}
