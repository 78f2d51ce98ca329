import { z } from 'zod';
import { checkGiven, sizeSchema } from '../core/given.js';
import type { RandomStream } from '../core/random.js';
import { permutation } from '../core/random.js';
import type { ByteSplit, FileSplit, MemorySplit, PixelValues, Split } from './dataset.js';
import { packedSubset } from './files/path-list.js';

/** Bytes over shared memory, zeroed: worker threads read them without a copy. */
export function sharedBytes(length: number): Uint8Array {
  return new Uint8Array(sharedMemory(length));
}

/** As `new SharedArrayBuffer`, whose own error does not say how much was asked for. */
function sharedMemory(bytes: number): SharedArrayBuffer {
  try {
    return new SharedArrayBuffer(bytes);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new Error(`out of memory: ${bytes} bytes asked for`, { cause: error });
  }
}

/** Floating-point numbers likewise. */
export function sharedFloats(length: number): Float32Array {
  return new Float32Array(sharedMemory(4 * length));
}

/** Whether a split's images are floating-point numbers. */
export function holdsFloats(split: Split): boolean {
  return split.kind === 'memory' && split.images instanceof Float32Array;
}

/** Room for so many values of the kind that a split's images have, zeroed, over shared memory. */
export function roomLike(split: Split, values: number): PixelValues {
  return holdsFloats(split) ? sharedFloats(values) : sharedBytes(values);
}

/** `size` labels over shared memory, all of class 0. */
export function sharedLabels(size: number): Uint16Array {
  return new Uint16Array(sharedMemory(2 * size));
}

const emptyForms = { size: z.int().min(0), imageBytes: sizeSchema };

/** A split of `size` black images of class 0, each of `imageBytes` bytes, for a reader to fill. */
export function emptySplit(size: number, imageBytes: number): ByteSplit {
  checkGiven('emptySplit', emptyForms, { size, imageBytes });
  return { kind: 'memory', size, images: sharedBytes(size * imageBytes), labels: sharedLabels(size) };
}

/** The images of these indices, in their order. */
export function subsetOf(split: Split, indices: Uint32Array): Split {
  return split.kind === 'memory' ? memorySubset(split, indices) : fileSubset(split, indices);
}

/**
 * `count` images of the split, each class with an equal share as far as it has enough. The classes take turns, each
 * giving its images in an order drawn from the stream, so a smaller selection is the beginning of a larger one.
 */
export function stratifiedSubset(split: Split, classes: number, count: number, random: RandomStream): Split {
  const queues = Array.from({ length: classes }, (): number[] => []);
  for (const index of permutation(split.size, random)) queues[split.labels[index]!]!.push(index);
  const chosen = new Uint32Array(count);
  let taken = 0;
  for (let turn = 0; taken < count; turn++) {
    for (let label = 0; label < classes && taken < count; label++) {
      const index = queues[label]![turn];
      if (index !== undefined) chosen[taken++] = index;
    }
  }
  return subsetOf(split, chosen);
}

/**
 * Sets a share of each class's images aside, drawn from the stream: rounded, but at least one image of every class that
 * has two, and never a class's last. Both parts are in the split's order.
 * @param share between 0 and 1
 */
export function holdOut(
  split: Split,
  classes: number,
  share: number,
  random: RandomStream,
): { kept: Split; heldOut: Split } {
  const quotas = new Uint32Array(classes);
  for (const label of split.labels) quotas[label]!++;
  quotas.forEach((count, label) => {
    quotas[label] = count < 2 ? 0 : Math.min(count - 1, Math.max(1, Math.round(share * count)));
  });
  const size = quotas.reduce((sum, quota) => sum + quota, 0);
  const isHeldOut = new Uint8Array(split.size);
  for (const index of permutation(split.size, random)) {
    const label = split.labels[index]!;
    if (quotas[label] === 0) continue;
    quotas[label]!--;
    isHeldOut[index] = 1;
  }
  const chosen = { kept: new Uint32Array(split.size - size), heldOut: new Uint32Array(size) };
  let kept = 0;
  let heldOut = 0;
  isHeldOut.forEach((held, index) => {
    if (held === 1) chosen.heldOut[heldOut++] = index;
    else chosen.kept[kept++] = index;
  });
  return { kept: subsetOf(split, chosen.kept), heldOut: subsetOf(split, chosen.heldOut) };
}

function memorySubset(split: MemorySplit, indices: Uint32Array): MemorySplit {
  const size = indices.length;
  const length = split.images.length / split.size;
  const [images, labels] = [roomLike(split, size * length), sharedLabels(size)];
  indices.forEach((index, i) => {
    images.set(split.images.subarray(index * length, (index + 1) * length), i * length);
    labels[i] = split.labels[index]!;
  });
  return { kind: 'memory', size, images, labels };
}

function fileSubset({ paths, labels, contents }: FileSplit, indices: Uint32Array): FileSplit {
  const chosen = sharedLabels(indices.length);
  indices.forEach((index, i) => (chosen[i] = labels[index]!));
  return {
    ...{ kind: 'files', size: indices.length, paths: packedSubset(paths, indices), labels: chosen },
    ...(contents && { contents: packedSubset(contents, indices) }),
  };
}
