import { join } from 'node:path';
import { z } from 'zod';
import { UserError } from '../../core/errors.js';
import type { ByteSplit, Dataset } from '../dataset.js';
import { checkSize, readExactly, readInto } from '../../core/read.js';
import { emptySplit } from '../split.js';
import { defineDataset } from '../kind.js';
import { readClassNames } from './class-names.js';
import { fetchedSource } from './fetched.js';
import { dirOf } from './fields.js';
import { planesToPixelsInPlace } from './planes.js';

const SHAPE = [96, 96, 3] as const;
const IMAGE_BYTES = 96 * 96 * 3;
const CLASS_COUNT = 10;
const FOLDER = 'stl10_binary';

const HELP =
  'run locallearn data fetch stl10, or get the binary files from https://cs.stanford.edu/~acoates/stl10/ and unpack them there, see datasets/README.md, "STL-10"';

export const stl10Kind = defineDataset({
  name: 'stl10',
  options: z.strictObject({ dir: dirOf('stl10') }),
  build: ({ dir }) =>
    fetchedSource('stl10', dir, {
      shape: { classes: CLASS_COUNT, imageShape: SHAPE },
      read: () => loadStl10(dir),
    }),
});

/**
 * STL-10 (Coates, Lee, Ng 2011), the official binary files, from `<dir>/stl10_binary`: 5,000 training and 8,000 test
 * images, `[96, 96, 3]`; the unlabeled images and the folds are not read. Mean, standard deviation and augmentation
 * (zero-pad 4, crop, flip) are those of the local-learning papers.
 * @param counts images of each split; the official numbers but in tests
 * @throws UserError if a file is missing or of another size, or a label is out of range
 */
export async function loadStl10(dir: string, counts = { train: 5000, test: 8000 }): Promise<Dataset> {
  const folder = join(dir, FOLDER);
  return {
    name: 'stl10',
    classes: await readClassNames(join(folder, 'class_names.txt'), CLASS_COUNT, HELP),
    imageShape: SHAPE,
    mean: [0.5, 0.5, 0.5],
    std: [0.5, 0.5, 0.5],
    train: await readSplit(folder, 'train', counts.train),
    test: await readSplit(folder, 'test', counts.test),
    augmentation: { crop: { kind: 'padded', pad: 4, padMode: 'zero' }, flip: true },
  };
}

async function readSplit(folder: string, prefix: string, count: number): Promise<ByteSplit> {
  const path = join(folder, `${prefix}_y.bin`);
  const labels = await readExactly(path, count, HELP);
  const wrong = labels.findIndex((label) => label < 1 || label > CLASS_COUNT);
  if (wrong >= 0) {
    throw new UserError(`${path}: label ${wrong}: expected 1 to ${CLASS_COUNT}, found ${labels[wrong]}`);
  }
  const images = join(folder, `${prefix}_X.bin`);
  await checkSize(images, count * IMAGE_BYTES, HELP);
  const split = emptySplit(count, IMAGE_BYTES);
  await readInto(images, split.images, HELP);
  // Planes are stored column by column.
  planesToPixelsInPlace({ shape: SHAPE, columns: true }, split.images);
  split.labels.set(labels.map((label) => label - 1));
  return split;
}
