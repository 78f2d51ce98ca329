import { z } from 'zod';

const count = z.int().min(0);
const seconds = z.number().min(0);

/**
 * What the training steps of an epoch have come to so far. Plain data: a checkpoint in the middle of an epoch holds it,
 * and a resumed run adds on. `losses` and `peakBytes` have an entry for each update, in their order.
 */
export const epochTallySchema = z.strictObject({
  epoch: z.int().min(1),
  /** Batches taken, those without images included: where in its data the epoch stands. */
  batches: count,
  steps: count,
  images: count,
  /** Training seconds, and of those the ones spent waiting for batches. */
  seconds,
  waitSeconds: seconds,
  /** Bad images that batches went without. */
  skipped: count,
  /** Sums over the steps. */
  losses: z.array(z.number()),
  /** The most of any step. */
  peakBytes: z.array(z.number()),
  reservedBytes: z.number(),
});

export type EpochTally = z.infer<typeof epochTallySchema>;

export function newTally(epoch: number, updates: number): EpochTally {
  return {
    epoch,
    batches: 0,
    steps: 0,
    images: 0,
    seconds: 0,
    waitSeconds: 0,
    skipped: 0,
    losses: Array.from({ length: updates }, () => 0),
    peakBytes: Array.from({ length: updates }, () => 0),
    reservedBytes: 0,
  };
}
