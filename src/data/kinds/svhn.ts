import { join } from 'node:path';
import { z } from 'zod';
import { UserError } from '../../core/errors.js';
import type { ByteSplit, Dataset } from '../dataset.js';
import { reading, statFile } from '../../core/read.js';
import { emptySplit } from '../split.js';
import { matNumbers, MAX_INFLATION, MI } from '../../formats/mat-elements.js';
import type { MatVariable } from '../../formats/mat-stream.js';
import { streamMat } from '../../formats/mat-stream.js';
import { defineDataset } from '../kind.js';
import { fetchedSource } from './fetched.js';
import { dirOf } from './fields.js';
import { planesToPixelsInPlace } from './planes.js';

const SHAPE = [32, 32, 3] as const;
const IMAGE_BYTES = 32 * 32 * 3;

const HELP =
  'run locallearn data fetch svhn (--with extra), or get it from http://ufldl.stanford.edu/housenumbers/ ("Format 2: Cropped Digits"), see datasets/README.md, "SVHN"';

/** Images a file, as published. */
export interface SvhnCounts {
  readonly train: number;
  readonly extra: number;
  readonly test: number;
}

const OFFICIAL: SvhnCounts = { train: 73_257, extra: 531_131, test: 26_032 };

export const svhnKind = defineDataset({
  name: 'svhn',
  options: z.strictObject({
    dir: dirOf('svhn'),
    /** Whether the 531,131 easier images of `extra` join the training images. */
    extra: z.boolean().default(false),
  }),
  build({ dir, extra }) {
    const source = fetchedSource('svhn', dir, {
      shape: { classes: 10, imageShape: SHAPE },
      read: () => loadSvhn(dir, { extra }),
    });
    return {
      ...source,
      counts() {
        const { train, test } = source.counts();
        // The manifest does not count them.
        return { train: train + (extra ? OFFICIAL.extra : 0), test };
      },
    };
  },
});

/**
 * SVHN's cropped digits (Netzer et al. 2011) from `<dir>/train_32x32.mat` and `test_32x32.mat`: 73,257 training and
 * 26,032 test images, `[32, 32, 3]`. The files' label 10 is the digit 0, here class 0. Mean, standard deviation and
 * augmentation (zero-pad 2, crop, no flip: a digit's mirror image is no digit) are those of the local-learning papers.
 * @param options `extra`: the 531,131 easier images of `extra_32x32.mat` join the training images, after them (1.9 GB in all)
 * @param counts images in each file; the official numbers but in tests
 * @throws UserError if a file is missing, cut or damaged, has another number of images, or a label is out of range
 */
export async function loadSvhn(
  dir: string,
  { extra = false }: { readonly extra?: boolean } = {},
  counts = OFFICIAL,
): Promise<Dataset> {
  return {
    name: 'svhn',
    classes: ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9'],
    imageShape: SHAPE,
    mean: [0.5, 0.5, 0.5],
    std: [0.5, 0.5, 0.5],
    train: await readFiles(dir, counts, extra ? ['train', 'extra'] : ['train']),
    test: await readFiles(dir, counts, ['test']),
    augmentation: { crop: { kind: 'padded', pad: 2, padMode: 'zero' }, flip: false },
  };
}

/** One split from one file after another. */
async function readFiles(
  dir: string,
  counts: SvhnCounts,
  parts: readonly (keyof SvhnCounts)[],
): Promise<ByteSplit> {
  // Nothing is allocated for a split before its first file has turned out to hold what it should.
  let split: ByteSplit | undefined;
  const size = parts.reduce((sum, part) => sum + counts[part], 0);
  for (const part of parts) await checkHolds(join(dir, `${part}_32x32.mat`), counts[part]);
  let done = 0;
  for (const part of parts) {
    const from = done;
    done += counts[part];
    await readSvhnFile(join(dir, `${part}_32x32.mat`), counts[part], () => {
      split ??= emptySplit(size, IMAGE_BYTES);
      return {
        images: split.images.subarray(from * IMAGE_BYTES, done * IMAGE_BYTES),
        labels: split.labels.subarray(from, done),
      };
    });
  }
  return split!;
}

/** Before a gigabyte is read of the first: is the second there, and of a size that so many images can be packed into? */
async function checkHolds(path: string, count: number): Promise<void> {
  const { size } = await reading(path, HELP, () => statFile(path));
  if (size * MAX_INFLATION < count * IMAGE_BYTES) {
    throw new UserError(
      `${path}: ${size} bytes cannot hold ${count} images; the file is truncated, get it anew`,
    );
  }
}

async function readSvhnFile(
  path: string,
  count: number,
  part: () => { readonly images: Uint8Array; readonly labels: Uint16Array },
): Promise<void> {
  let images: Uint8Array | undefined;
  let labels: { readonly variable: MatVariable; readonly stored: Uint8Array } | undefined;
  await streamMat(path, HELP, (variable) => {
    const { name, shape, type, bytes } = variable;
    if (name === 'X') {
      if (images) throw new UserError(`${path}: two variables X, get the file anew`);
      if (shape.join('×') !== `32×32×3×${count}` || type !== MI.uint8) {
        const kind = type === MI.uint8 ? '' : ` of type ${type}`;
        throw new UserError(
          `${path}: X: expected 32×32×3×${count} bytes, found ${shape.join('×')}${kind}, get the file anew`,
        );
      }
      images = part().images;
      return images;
    }
    if (name !== 'y') return undefined;
    if (shape.join('×') !== `${count}×1`) {
      throw new UserError(
        `${path}: y: expected ${count}×1 labels, found ${shape.join('×')}, get the file anew`,
      );
    }
    const stored = new Uint8Array(bytes);
    labels = { variable, stored };
    return stored;
  });
  if (!images || !labels) {
    throw new UserError(`${path}: the variable ${images ? 'y' : 'X'} is missing, get the file anew`);
  }
  planesToPixelsInPlace({ shape: SHAPE, columns: true }, images);
  const numbers = matNumbers(labels.variable.type, labels.stored, labels.variable.littleEndian)!;
  const target = part().labels;
  for (const [i, number] of numbers.entries()) {
    const label = Number(number);
    if (!Number.isInteger(label) || label < 1 || label > 10) {
      throw new UserError(`${path}: label ${i}: expected 1 to 10, found ${label}`);
    }
    target[i] = label % 10;
  }
}
