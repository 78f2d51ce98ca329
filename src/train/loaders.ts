import { checkAugmentation } from '../data/augment/augmenter.js';
import type { Dataset } from '../data/dataset.js';
import { openLoader, refuseLargerBatch, type Loader, type LoaderOptions } from '../data/loader/loader.js';
import { holdsFloats } from '../data/split.js';
import type { TrainContext } from './context.js';
import type { TrainSettings } from './optimizers.js';

/** Batches kept ready by the workers. */
const prefetch = 4;

type Options = Pick<TrainSettings, 'batchSize' | 'augment' | 'lastBatch' | 'workers'> &
  Pick<TrainContext, 'seed'> & {
    /** Of every batch, where ranks share them. */
    readonly share?: NonNullable<LoaderOptions['share']> | undefined;
  };

/** Throws a UserError for batches that the images to train on cannot make up. */
export function checkBatches(
  { train, augmentation, imageShape }: Dataset,
  { batchSize, augment }: Pick<Options, 'batchSize' | 'augment'>,
): void {
  refuseLargerBatch(batchSize, train);
  if (augment) checkAugmentation(augmentation, imageShape, holdsFloats(train));
}

/** The images to train on, in an order of their own each epoch. */
export function openTrainLoader(
  dataset: Dataset,
  { batchSize, augment, lastBatch, workers, seed, share }: Options,
): Loader {
  return openLoader(dataset, dataset.train, {
    batchSize,
    ...(share === undefined ? {} : { share }),
    seed,
    shuffle: true,
    augment,
    dropLast: lastBatch === 'drop',
    // Batch normalisation and losses that compare images need two.
    dropLone: true,
    workers,
    prefetch,
  });
}

/** The images to evaluate on. */
export function openTestLoader(dataset: Dataset, { batchSize, workers, seed, share }: Options): Loader {
  return openLoader(dataset, dataset.test, {
    batchSize,
    ...(share === undefined ? {} : { share }),
    seed,
    shuffle: false,
    augment: false,
    dropLast: false,
    // What is in memory needs no work but a copy.
    workers: dataset.test.kind === 'files' ? workers : 0,
    prefetch: 1,
  });
}
