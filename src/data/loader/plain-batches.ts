import type { Dataset, ImageBatch, Split } from '../dataset.js';
import { openLoader } from './loader.js';

export interface PlainBatchesOptions {
  readonly workers: number;
  readonly signal?: AbortSignal | undefined;
  /** Default 128. */
  readonly batchSize?: number | undefined;
  /** Draws an order of the images; without it theirs in the split. Images that do not fill the last batch are left out then. */
  readonly shuffleSeed?: number | undefined;
}

/**
 * Every image of a split once, not augmented; bad ones are skipped. A batch's arrays are valid until the next one is
 * asked for. Throws the signal's reason once it is aborted.
 */
export async function* plainBatches(
  dataset: Dataset,
  split: Split,
  { workers, signal, batchSize = 128, shuffleSeed }: PlainBatchesOptions,
): AsyncGenerator<ImageBatch, void, undefined> {
  const loader = openLoader({ ...dataset, onBadImage: 'skip' }, split, {
    batchSize,
    seed: shuffleSeed ?? 0,
    shuffle: shuffleSeed !== undefined,
    augment: false,
    dropLast: shuffleSeed !== undefined,
    workers,
    prefetch: 2,
  });
  try {
    for await (const batch of loader.batches(1)) {
      signal?.throwIfAborted();
      yield batch;
    }
  } finally {
    await loader.close();
  }
}
