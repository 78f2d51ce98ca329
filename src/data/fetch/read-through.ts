import type { Dataset, Split } from '../dataset.js';
import { openLoader } from '../loader.js';
import type { Manifest } from './manifest.js';

export interface ReadThroughOptions {
  /** Whether every image is decoded; else they are only counted. */
  readonly decode: boolean;
  readonly workers: number;
  readonly signal?: AbortSignal | undefined;
  /** Images, of both splits together. */
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
}

const batchSize = 256;

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
  { workers, signal }: ReadThroughOptions,
  onImage: () => void,
): Promise<string[]> {
  const problems: string[] = [];
  const loader = openLoader({ ...dataset, onBadImage: 'skip' }, split, {
    batchSize,
    seed: 0,
    shuffle: false,
    augment: false,
    dropLast: false,
    workers,
    prefetch: 2,
  });
  try {
    for await (const { size, skipped } of loader.batches(1)) {
      signal?.throwIfAborted();
      for (const { path, reason } of skipped) problems.push(`${path} ${reason}`);
      for (let i = 0; i < size + skipped.length; i++) onImage();
    }
  } finally {
    await loader.close();
  }
  return problems;
}
