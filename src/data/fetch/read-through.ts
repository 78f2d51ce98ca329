import type { Dataset, Split } from '../dataset.js';
import { plainBatches, type PlainBatchesOptions } from '../loader/plain-batches.js';
import type { Manifest } from './manifest.js';

export interface ReadThroughOptions extends PlainBatchesOptions {
  /** Whether every image is decoded; else they are only counted. */
  readonly decode: boolean;
  /** Images, of both splits together. */
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
}

/**
 * Reads each image of a data set as training and evaluation do and returns a line for everything that is wrong: images
 * that cannot be decoded, and numbers that differ from the manifest's where one is given.
 */
export async function readThrough(
  dataset: Dataset,
  official: Manifest['images'] | undefined,
  options: ReadThroughOptions,
): Promise<string[]> {
  const { train, test, classes } = dataset;
  const problems: string[] = [];
  const compare = (what: string, expected: number | undefined, found: number): void => {
    if (expected !== undefined && found !== expected) {
      problems.push(`${dataset.name}: expected ${expected} ${what}, found ${found}`);
    }
  };
  compare('classes', official?.classes, classes.length);
  compare('training images', official?.train, train.size);
  compare(
    dataset.evaluatedOn === 'validation' ? 'validation images' : 'test images',
    official?.test,
    test.size,
  );
  if (!options.decode) return problems;
  const total = train.size + test.size;
  let done = 0;
  for (const split of [train, test]) {
    problems.push(...(await badImages(dataset, split, options, () => options.onProgress?.(++done, total))));
  }
  return problems;
}

async function badImages(
  dataset: Dataset,
  split: Split,
  options: ReadThroughOptions,
  onImage: () => void,
): Promise<string[]> {
  const problems: string[] = [];
  for await (const { size, skipped } of plainBatches(dataset, split, options)) {
    for (const { path, reason } of skipped) problems.push(`${path} ${reason}`);
    for (let i = 0; i < size + skipped.length; i++) onImage();
  }
  return problems;
}
