import type { RandomStream } from '../random.js';
import { permutation } from '../random.js';
import type { Split } from './dataset.js';

/** Bytes over shared memory, zeroed: worker threads read them without a copy. */
export function sharedBytes(length: number): Uint8Array {
  return new Uint8Array(new SharedArrayBuffer(length));
}

/** A split of `size` black images of class 0, each of `imageBytes` bytes, for a reader to fill. */
export function emptySplit(size: number, imageBytes: number): Split {
  return { size, images: sharedBytes(size * imageBytes), labels: sharedBytes(size) };
}

/**
 * `count` images of the split, each class with an equal share as far as it has enough. The classes take turns, each
 * giving its images in an order drawn from the stream, so a smaller selection is the beginning of a larger one.
 */
export function stratifiedSubset(split: Split, classes: number, count: number, random: RandomStream): Split {
  const queues = Array.from({ length: classes }, (): number[] => []);
  for (const index of permutation(split.size, random)) queues[split.labels[index]!]!.push(index);
  const imageBytes = split.images.length / split.size;
  const subset = emptySplit(count, imageBytes);
  let taken = 0;
  for (let turn = 0; taken < count; turn++) {
    for (let label = 0; label < classes && taken < count; label++) {
      const index = queues[label]![turn];
      if (index === undefined) continue;
      subset.images.set(
        split.images.subarray(index * imageBytes, (index + 1) * imageBytes),
        taken * imageBytes,
      );
      subset.labels[taken++] = label;
    }
  }
  return subset;
}
