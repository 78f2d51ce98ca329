import { detachedImages, type Batch } from '../local/batch.js';
import type { LocalUpdate, Streams } from '../local/update.js';
import { addGradients, freeGradients, type Gradients, type PendingGradients } from './gradients.js';
import { runUpdate, type ComputeUpdate } from './run-update.js';

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

/** A micro-batch on its way through the updates of a step. */
export interface MicroBatch {
  readonly part: Batch;
  /** What the next update reads: its to free. Undefined before the first one, which reads the images. */
  streams: Streams | undefined;
}

/** What `run` makes of a micro-batch by what the next update reads of it, which is freed, even where it throws. */
export function advance<Outcome extends { readonly next: Streams }>(
  at: MicroBatch,
  run: (streams: Streams) => Outcome,
): Outcome {
  const streams = at.streams ?? { x: detachedImages(at.part) };
  at.streams = {};
  const outcome = run(streams);
  at.streams = outcome.next;
  return outcome;
}

/**
 * Runs an update on a batch's micro-batches, one after another; each gets streams for the next update.
 *
 * @param size of the batch
 * @param compute computes the update on each
 * @returns the mean loss over the batch, and its gradients, which are the caller's
 * @throws NotFinite as `runUpdate`; the streams that are left are the caller's to free
 */
export function runOnParts(
  update: LocalUpdate,
  parts: readonly MicroBatch[],
  size: number,
  compute: ComputeUpdate,
): { readonly loss: number; readonly gradients: Gradients } {
  const gradients: PendingGradients = new Map();
  let loss = 0;
  try {
    for (const at of parts) {
      const outcome = advance(at, (streams) =>
        runUpdate(update, streams, at.part, at.part.size / size, compute),
      );
      loss += outcome.loss;
      addGradients(gradients, outcome.gradients);
    }
  } catch (error) {
    freeGradients(gradients);
    throw error;
  }
  return { loss, gradients };
}
