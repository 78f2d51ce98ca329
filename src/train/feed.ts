import type { BadImage, ImageBatch } from '../data/dataset.js';

/** What a pass over a loader's batches has come to so far. */
export interface FeedTally {
  /** Batches taken, those without images included. */
  batches: number;
  /** Spent waiting for batches. */
  waitSeconds: number;
  /** Bad images that batches went without. */
  skipped: number;
}

/**
 * A loader's batches as a training or evaluation loop wants them: none without images, the waiting timed, the bad
 * images counted and handed on.
 */
export async function* feed(
  batches: AsyncIterable<ImageBatch>,
  tally: FeedTally,
  onSkipped: (images: readonly BadImage[]) => void,
): AsyncGenerator<ImageBatch, void, undefined> {
  let asked = performance.now();
  for await (const batch of batches) {
    tally.waitSeconds += (performance.now() - asked) / 1000;
    tally.batches++;
    if (batch.skipped.length > 0) {
      tally.skipped += batch.skipped.length;
      onSkipped(batch.skipped);
    }
    if (batch.size > 0) yield batch;
    asked = performance.now();
  }
}
