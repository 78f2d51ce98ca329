import { randomStream } from '../core/random.js';
import { BadImageError } from './files/bad-image.js';
import type { Dataset, FileSplit, Split } from './dataset.js';
import { openImageOf } from './files/decode-file.js';
import { plainBatches, type PlainBatchesOptions } from './loader/plain-batches.js';
import { holdsFloats, stratifiedSubset } from './split.js';

/** What a data set is, as far as numbers tell. */
export interface DatasetInfo {
  readonly name: string;
  /** `[height, width, channels]`, of images as the network gets them. */
  readonly imageShape: readonly [number, number, number];
  /** What the second split is. */
  readonly evaluatedOn: 'test' | 'validation';
  readonly images: { readonly train: number; readonly test: number };
  readonly classes: readonly { readonly name: string; readonly train: number; readonly test: number }[];
  /** What training normalises with, per channel, of bytes scaled to 0…1, of floating-point numbers as they are. */
  readonly normalisedWith: Statistics;
  /** The same of the training images at hand, not augmented. */
  readonly measured: Statistics & {
    /** Images that it was measured over, and those of them that could not be decoded. */
    readonly images: number;
    readonly skipped: number;
  };
  /** Of the image files that were measured, upright; undefined where there are none. */
  readonly files?: { readonly width: Range; readonly height: Range };
}

export interface Statistics {
  readonly mean: readonly number[];
  readonly std: readonly number[];
}

export interface Range {
  readonly least: number;
  readonly median: number;
  readonly greatest: number;
}

export interface InfoOptions extends PlainBatchesOptions {
  /** Training images to measure, each class with an equal share; all if there are no more. */
  readonly images: number;
  readonly seed: number;
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
}

/** Counts a data set's images and measures them. */
export async function datasetInfo(dataset: Dataset, options: InfoOptions): Promise<DatasetInfo> {
  const { name, classes, imageShape, mean, std, train, test } = dataset;
  const [trainCounts, testCounts] = [countLabels(train, classes.length), countLabels(test, classes.length)];
  const measuredSplit =
    options.images < train.size
      ? stratifiedSubset(train, classes.length, options.images, randomStream(options.seed, 'data', 'info'))
      : train;
  const measured = await measure(dataset, measuredSplit, options);
  const files = measuredSplit.kind === 'files' ? await measureFiles(measuredSplit, options) : undefined;
  return {
    name,
    imageShape,
    evaluatedOn: dataset.evaluatedOn ?? 'test',
    images: { train: train.size, test: test.size },
    classes: classes.map((label, i) => ({ name: label, train: trainCounts[i]!, test: testCounts[i]! })),
    normalisedWith: { mean, std },
    measured,
    ...(files && { files }),
  };
}

function countLabels(split: Split, classes: number): Uint32Array {
  const counts = new Uint32Array(classes);
  for (const label of split.labels) counts[label]!++;
  return counts;
}

async function measure(
  dataset: Dataset,
  split: Split,
  options: InfoOptions,
): Promise<DatasetInfo['measured']> {
  const [height, width, channels] = dataset.imageShape;
  const border = dataset.addedBorder ?? 0;
  // Squares of floating-point numbers far from 0 would lose what these differ in.
  const from = holdsFloats(split) ? dataset.mean : undefined;
  // Of bytes whole numbers, exact in a double up to 2⁵³: sums of squares of a million 224×224 images are below.
  const sums = new Float64Array(channels);
  const squares = new Float64Array(channels);
  let images = 0;
  let skippedImages = 0;
  for await (const batch of plainBatches(dataset, split, options)) {
    for (let i = 0; i < batch.size; i++) {
      for (let y = border; y < height - border; y++) {
        const row = (i * height + y) * width;
        const end = (row + width - border) * channels;
        for (let at = (row + border) * channels, c = 0; at < end; at++) {
          const value = batch.images[at]! - (from?.[c] ?? 0);
          sums[c]! += value;
          squares[c]! += value * value;
          c = c + 1 === channels ? 0 : c + 1;
        }
      }
    }
    images += batch.size;
    skippedImages += batch.skipped.length;
    options.onProgress?.(images + skippedImages, split.size);
  }
  const pixels = images * (height - 2 * border) * (width - 2 * border);
  const measured = from === undefined ? statistics(sums, squares, pixels) : near(from, sums, squares, pixels);
  return { ...measured, images, skipped: skippedImages };
}

/** Of numbers less the ones given, in double precision. */
function near(
  from: readonly number[],
  sums: Float64Array,
  squares: Float64Array,
  pixels: number,
): Statistics {
  const rest = Array.from(sums, (sum) => sum / pixels);
  return {
    mean: rest.map((mean, c) => from[c]! + mean),
    std: rest.map((mean, c) => Math.sqrt(Math.max(0, squares[c]! / pixels - mean ** 2))),
  };
}

/** Of all pixels, not of a sample of them: the variance has their number below it. */
function statistics(sums: Float64Array, squares: Float64Array, pixels: number): Statistics {
  const mean = Array.from(sums, (sum) => sum / pixels / 255);
  const std = Array.from(squares, (square, c) => {
    // n·Σx² − (Σx)² is a difference of numbers far larger than itself: exact, in whole numbers.
    const difference = BigInt(pixels) * BigInt(square) - BigInt(sums[c]!) ** 2n;
    return Math.sqrt(Number(difference)) / pixels / 255;
  });
  return { mean, std };
}

async function measureFiles(
  split: FileSplit,
  { signal }: InfoOptions,
): Promise<NonNullable<DatasetInfo['files']> | undefined> {
  const widths: number[] = [];
  const heights: number[] = [];
  for (let i = 0; i < split.size; i++) {
    signal?.throwIfAborted();
    try {
      const { width, height } = await openImageOf(split, i);
      widths.push(width);
      heights.push(height);
    } catch (error) {
      // Bad images have been counted already.
      if (!(error instanceof BadImageError)) throw error;
    }
  }
  return widths.length === 0 ? undefined : { width: rangeOf(widths), height: rangeOf(heights) };
}

function rangeOf(values: readonly number[]): Range {
  const sorted = Float64Array.from(values).sort();
  const at = (share: number): number => sorted[Math.floor(share * (sorted.length - 1))]!;
  return { least: at(0), median: at(0.5), greatest: at(1) };
}
