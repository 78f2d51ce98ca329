import { join } from 'node:path';
import { UserError } from '../errors.js';
import type { Dataset, Split } from './dataset.js';
import { readChecked, readExactly } from './read.js';
import { emptySplit } from './split.js';

const SIDE = 32;
const CHANNELS = 3;
const PLANE = SIDE * SIDE;
const IMAGE_BYTES = PLANE * CHANNELS;
/** A label, then the red, green and blue planes. */
const RECORD_BYTES = 1 + IMAGE_BYTES;
const CLASS_COUNT = 10;

const FOLDER = 'cifar-10-batches-bin';
const TRAIN_FILES = [1, 2, 3, 4, 5].map((n) => `data_batch_${n}.bin`);
const TEST_FILES = ['test_batch.bin'];
const NAMES_FILE = 'batches.meta.txt';

const HELP =
  'get the binary version from https://www.cs.toronto.edu/~kriz/cifar.html and unpack it there, see datasets/README.md, "CIFAR-10"';

/**
 * CIFAR-10 (Krizhevsky 2009), the official binary version, from `<dir>/cifar-10-batches-bin`: 50,000 training and
 * 10,000 test images, `[32, 32, 3]`. Mean, standard deviation and augmentation (reflect-pad 4, crop, flip) are those of
 * the local-learning papers.
 * @param recordsPerFile images in each of the six files; the official number but in tests
 * @throws UserError if a file is missing or of another size, or a label is out of range
 */
export async function loadCifar10(dir: string, recordsPerFile = 10_000): Promise<Dataset> {
  const folder = join(dir, FOLDER);
  const classes = await readClassNames(join(folder, NAMES_FILE));
  return {
    name: 'cifar10',
    classes,
    imageShape: [SIDE, SIDE, CHANNELS],
    mean: [125.3 / 255, 123.0 / 255, 113.9 / 255],
    std: [63.0 / 255, 62.1 / 255, 66.7 / 255],
    train: await readSplit(folder, TRAIN_FILES, recordsPerFile),
    test: await readSplit(folder, TEST_FILES, recordsPerFile),
    augmentation: { pad: 4, padMode: 'reflect', flip: true },
  };
}

async function readSplit(folder: string, files: readonly string[], recordsPerFile: number): Promise<Split> {
  const split = emptySplit(files.length * recordsPerFile, IMAGE_BYTES);
  for (const [n, file] of files.entries()) {
    const path = join(folder, file);
    const records = await readExactly(path, recordsPerFile * RECORD_BYTES, HELP);
    for (let i = 0; i < recordsPerFile; i++) {
      const start = i * RECORD_BYTES;
      const label = records[start]!;
      if (label >= CLASS_COUNT) {
        throw new UserError(`${path}: record ${i}: expected a label 0 to ${CLASS_COUNT - 1}, found ${label}`);
      }
      const image = n * recordsPerFile + i;
      split.labels[image] = label;
      interleave(records, start + 1, split.images, image * IMAGE_BYTES);
    }
  }
  return split;
}

/** Planes `[3, 1024]` to pixels `[1024, 3]`. */
function interleave(source: Uint8Array, from: number, target: Uint8Array, to: number): void {
  for (let p = 0, t = to; p < PLANE; p++, t += CHANNELS) {
    target[t] = source[from + p]!;
    target[t + 1] = source[from + PLANE + p]!;
    target[t + 2] = source[from + 2 * PLANE + p]!;
  }
}

async function readClassNames(path: string): Promise<readonly string[]> {
  const content = await readChecked(path, HELP, (size) => {
    if (size > 4096) throw new UserError(`${path}: expected ${CLASS_COUNT} class names, found ${size} bytes`);
  });
  const names = content
    .toString('utf8')
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
  if (names.length !== CLASS_COUNT) {
    throw new UserError(`${path}: expected ${CLASS_COUNT} class names, one a line, found ${names.length}`);
  }
  return names;
}
