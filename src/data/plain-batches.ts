import type { Dataset, ImageBatch, Split } from './dataset.js';
import { openLoader } from './loader.js';

export interface PlainBatchesOptions {
  readonly workers: number;
  readonly signal?: AbortSignal | undefined;
}

const batchSize = 128;

/**
 * Every image of a split once, in its order and not augmented; bad ones are skipped. A batch's arrays are valid until
 * the next one is asked for. Throws the signal's reason once it is aborted.
 */
export async function* plainBatches(
  dataset: Dataset,
  split: Split,
  { workers, signal }: PlainBatchesOptions,
): AsyncGenerator<ImageBatch, void, undefined> {
  const loader = openLoader({ ...dataset, onBadImage: 'skip' }, split, {
    batchSize,
    seed: 0,
    shuffle: false,
    augment: false,
    dropLast: false,
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
