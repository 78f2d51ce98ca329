import { randomStream } from '../random.js';
import { createAugmenter } from './augment.js';
import type { Augmentation, Split } from './dataset.js';

/** What a batch's bytes are a function of, with the epoch and the step. Plain data: it goes to the workers. */
export interface BatchPlan {
  readonly split: Split;
  readonly imageShape: readonly [number, number, number];
  readonly batchSize: number;
  readonly seed: number;
  readonly augmentation: Augmentation | undefined;
  /** The images' indices in the order of the epoch at hand, over shared memory, rewritten between epochs. */
  readonly order: Uint32Array;
}

/** Writes batch `step` of the epoch into arrays for a full batch and returns the number of its images. */
export type BatchFiller = (epoch: number, step: number, images: Uint8Array, labels: Uint8Array) => number;

export function createFiller(plan: BatchPlan): BatchFiller {
  const { split, imageShape, batchSize, seed, augmentation, order } = plan;
  const imageBytes = imageShape[0] * imageShape[1] * imageShape[2];
  const augment = augmentation && createAugmenter(augmentation, imageShape);
  return (epoch, step, images, labels) => {
    const first = step * batchSize;
    const size = Math.min(batchSize, split.size - first);
    for (let i = 0; i < size; i++) {
      const index = order[first + i]!;
      const offset = index * imageBytes;
      labels[i] = split.labels[index]!;
      if (augment) {
        const random = randomStream(seed, 'data', 'augment', epoch, index);
        augment(random, split.images, offset, images, i * imageBytes);
      } else {
        images.set(split.images.subarray(offset, offset + imageBytes), i * imageBytes);
      }
    }
    return size;
  };
}
