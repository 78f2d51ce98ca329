import type { BadImage, ImageBatch } from '../dataset.js';
import type { BatchBuffers, BatchPlan } from './batch-plan.js';

/** Where the loader's epochs get their batches from; `isCurrent` says whether the asking epoch is still the last begun. */
export interface BatchSource {
  /** Batches will be taken in their order, from `first` on. */
  begin(epoch: number, first: number, isCurrent: () => boolean, prepare: () => void): void | Promise<void>;
  take(step: number, isCurrent: () => boolean): ImageBatch | Promise<ImageBatch>;
  stop(): void;
  close(): Promise<void>;
}

/** The batch of the first `size` images in the buffers. */
export function batchOf(
  { imageShape: [height, width, channels] }: BatchPlan,
  { images, labels }: BatchBuffers,
  size: number,
  skipped: readonly BadImage[],
): ImageBatch {
  return {
    size,
    images: images.subarray(0, size * height * width * channels),
    labels: labels.subarray(0, size),
    skipped,
  };
}

/** @throws Error if the loader is closed or the epoch has been overtaken */
export function checkUsable(closed: boolean, isCurrent: () => boolean): void {
  if (closed) throw new Error('the data loader is closed');
  if (!isCurrent()) throw new Error('another epoch has begun on this data loader');
}
