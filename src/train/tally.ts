import { z } from 'zod';
import { UserError } from '../core/errors.js';

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

/**
 * Refuses a tally that the rest of an epoch cannot follow on.
 *
 * @param run how many epochs are finished, batches there are in one, and updates in a step
 * @throws UserError if it is such a one
 */
export function checkTally(
  { epoch, batches, imageLosses, peakBytes }: EpochTally,
  { epochs, steps, updates }: { readonly epochs: number; readonly steps: number; readonly updates: number },
): void {
  if (
    epoch === epochs + 1 &&
    batches <= steps &&
    imageLosses.length === updates &&
    peakBytes.length === updates
  )
    return;
  throw new UserError(
    `not a state of this run: batch ${batches} of epoch ${epoch} with ${imageLosses.length} updates, after ${epochs} epochs of ${steps} batches with ${updates} updates`,
  );
}

/** Without what is summed up over ranks: another's has it. */
export function withoutSums(tally: EpochTally): EpochTally {
  return { ...tally, images: 0, skipped: 0, imageLosses: tally.imageLosses.map(() => 0) };
}

/** The tally of all ranks: sums of what each has seen. */
export async function tallyOver(
  tally: EpochTally,
  addUp: (numbers: readonly number[]) => Promise<readonly number[]>,
): Promise<EpochTally> {
  const sums = await addUp([tally.images, tally.skipped, ...tally.imageLosses]);
  const [images, skipped, ...imageLosses] = sums;
  return { ...tally, images: images!, skipped: skipped!, imageLosses };
}
