import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach } from 'vitest';
import type { ByteSplit, Dataset, ImageBatch, Split } from '../../src/data/dataset.js';
import { emptySplit } from '../../src/data/split.js';
import { UserError } from '../../src/core/errors.js';
import { randomStream } from '../../src/core/random.js';

/** A fresh folder a call, removed after the test. */
export function temporaryFolders(): () => string {
  const folders: string[] = [];
  afterEach(() => {
    for (const folder of folders.splice(0)) rmSync(folder, { recursive: true });
  });
  return () => {
    const folder = mkdtempSync(join(tmpdir(), 'locallearn-data-'));
    folders.push(folder);
    return folder;
  };
}

/** Images of noise whose first two bytes tell their index, labels 0, 1, … `classes` − 1 in turn. */
export function noiseSplit(size: number, imageBytes: number, classes = 10): ByteSplit {
  const split = emptySplit(size, imageBytes);
  const random = randomStream(1, 'noise');
  for (let i = 0; i < split.images.length; i++) split.images[i] = random.below(256);
  for (let i = 0; i < size; i++) {
    split.images[i * imageBytes] = i & 255;
    split.images[i * imageBytes + 1] = i >> 8;
    split.labels[i] = i % classes;
  }
  return split;
}

/** A data set of noise in four classes, 8×8, for what needs one to train on and not to learn. */
export const tinyNoise = (): Dataset => ({
  name: 'noise',
  classes: ['a', 'b', 'c', 'd'],
  imageShape: [8, 8, 3],
  mean: [0.5, 0.5, 0.5],
  std: [0.25, 0.25, 0.25],
  train: noiseSplit(32, 8 * 8 * 3, 4),
  test: noiseSplit(16, 8 * 8 * 3, 4),
  augmentation: { crop: { kind: 'padded', pad: 1, padMode: 'zero' }, flip: true },
});

/** A split that is held whole, as bytes. */
export function inMemory(split: Split): ByteSplit {
  if (split.kind !== 'memory' || !(split.images instanceof Uint8Array))
    throw new Error('expected bytes in memory');
  return { ...split, images: split.images };
}

/** The index that `noiseSplit` wrote into an image that was not augmented. */
export function indexOf(batch: ImageBatch, i: number): number {
  const at = (i * batch.images.length) / batch.size;
  return batch.images[at]! + 256 * batch.images[at + 1]!;
}

/** All of an epoch of bytes, copied out of the loader's buffers. */
export async function collect(
  batches: AsyncIterable<ImageBatch>,
): Promise<(ImageBatch & { readonly images: Uint8Array })[]> {
  const all: (ImageBatch & { readonly images: Uint8Array })[] = [];
  for await (const { size, images, labels, skipped } of batches) {
    all.push({ size, images: Uint8Array.from(images), labels: Uint16Array.from(labels), skipped });
  }
  return all;
}

/** The message of the user error, on one line, that the call ends in. */
export async function userMessage(call: () => unknown): Promise<string> {
  try {
    await call();
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    if (error.message.includes('\n'))
      throw new Error(`more than one line: ${error.message}`, { cause: error });
    return error.message;
  }
  throw new Error('expected a user error');
}
