import type { Batch } from '../local/batch.js';

/**
 * Cuts a batch into micro-batches of at most so many images, as few as that takes and as even as can be, their tensors in
 * the current scope. No image is alone in one, as batch normalisation and losses that compare images need two, unless
 * only one is asked for: where two leave one over, it makes a third.
 */
export function microBatches(batch: Batch, most: number): readonly Batch[] {
  const { size } = batch;
  const count = most === 1 ? size : Math.min(Math.ceil(size / most), Math.max(1, Math.floor(size / 2)));
  if (count === 1) return [batch];
  const start = (i: number): number => Math.floor((i * size) / count);
  return Array.from({ length: count }, (_, i) => batch.part(start(i), start(i + 1)));
}

/** Why a batch of that size is not cut into so many micro-batches. */
export function cannotCut(batchSize: number, accumulate: number): string {
  const fitting = [...Array(batchSize).keys()].map((i) => i + 1).filter((n) => batchSize % n === 0);
  const [below, above] = [fitting.findLast((n) => n < accumulate), fitting.find((n) => n > accumulate)];
  const near = [below, above].filter((n) => n !== undefined).join(' or ');
  return `must divide batchSize, and ${accumulate} does not divide ${batchSize}: take ${near}`;
}
