import { createAugmenter } from '../augment/augmenter.js';
import { sampleStreams } from '../augment/streams.js';
import type { MemorySplit } from '../dataset.js';
import type { BatchFiller, BatchPlan } from './batch-plan.js';
import { createFileFiller } from './fill-files.js';
import { shareOf } from './share.js';

/** `lanes`: how many image files are decoded at once. */
export function createFiller(plan: BatchPlan, lanes: number): BatchFiller {
  const { split } = plan;
  return split.kind === 'memory' ? createMemoryFiller(plan, split) : createFileFiller(plan, split, lanes);
}

function createMemoryFiller(plan: BatchPlan, split: MemorySplit): BatchFiller {
  const { imageShape, batchSize, share, seed, augmentation, mean, order } = plan;
  const length = imageShape[0] * imageShape[1] * imageShape[2];
  const augment = augmentation && createAugmenter(augmentation, imageShape, mean);
  return (epoch, step, { images, labels }) => {
    const start = step * batchSize;
    const own = shareOf(Math.min(batchSize, split.size - start), share);
    const first = start + own.first;
    const { size } = own;
    for (let i = 0; i < size; i++) {
      const index = order[first + i]!;
      const offset = index * length;
      labels[i] = split.labels[index]!;
      if (augment) {
        augment(sampleStreams(seed, epoch, index), split.images, offset, images, i * length);
      } else {
        images.set(split.images.subarray(offset, offset + length), i * length);
      }
    }
    return { size, bad: [] };
  };
}
