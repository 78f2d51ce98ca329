import { z } from 'zod';

const count = z.int().min(0);
const seconds = z.number().min(0);

/**
 * What the training steps of an epoch have come to so far. Plain data: a checkpoint in the middle of an epoch holds it,
 * and a resumed run adds on. `imageLosses` and `peakBytes` have an entry for each update, in their order.
 */
const tallySchema = z.strictObject({
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
  /** Sums over the images. */
  imageLosses: z.array(z.number()),
  /** The most of any step. */
  peakBytes: z.array(z.number()),
  reservedBytes: z.number(),
});

export type EpochTally = z.infer<typeof tallySchema>;

/** Of checkpoints of earlier versions, which summed losses over the steps. */
const stepSchema = z.looseObject({ steps: count, images: count, losses: z.array(z.number()) });

/** A tally as a checkpoint has it. */
export const epochTallySchema = z.preprocess((value) => {
  const earlier = stepSchema.safeParse(value).data;
  if (earlier === undefined) return value;
  const { losses, ...rest } = earlier;
  return { ...rest, imageLosses: losses.map((sum) => (sum / rest.steps) * rest.images) };
}, tallySchema);

export function newTally(epoch: number, updates: number): EpochTally {
  return {
    epoch,
    batches: 0,
    steps: 0,
    images: 0,
    seconds: 0,
    waitSeconds: 0,
    skipped: 0,
    imageLosses: Array.from({ length: updates }, () => 0),
    peakBytes: Array.from({ length: updates }, () => 0),
    reservedBytes: 0,
  };
}
