import { checkAugmentation } from '../data/augment/augmenter.js';
import type { Dataset } from '../data/dataset.js';
import { openLoader, refuseLargerBatch, type Loader, type LoaderOptions } from '../data/loader/loader.js';
import { shareOf } from '../data/loader/share.js';
import { holdsFloats } from '../data/split.js';
import type { TrainContext } from './context.js';
import type { TrainSettings } from './optimizers.js';

/** Batches kept ready by the workers. */
const prefetch = 4;

type Options = Pick<TrainSettings, 'batchSize' | 'augment' | 'lastBatch' | 'workers' | 'mixup'> &
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

/**
 * The images to train on, in an order of their own each epoch: of a share that rank's, but of batches to be mixed all, as
 * those that an image is mixed with may be in any share (`ownPart`).
 */
export function openTrainLoader(
  dataset: Dataset,
  { batchSize, augment, lastBatch, workers, seed, share, mixup }: Options,
): Loader {
  return openLoader(dataset, dataset.train, {
    batchSize,
    ...(share === undefined || mixup > 0 ? {} : { share }),
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

/** Which of the images of a training batch, as the loader hands it over, are to be trained on here. */
export function ownPart(
  size: number,
  { share, mixup }: Pick<Options, 'share' | 'mixup'>,
): { readonly first: number; readonly size: number } {
  return share === undefined || mixup === 0 ? { first: 0, size } : shareOf(size, share);
}

/** The images to evaluate on. */
export function openTestLoader(
  dataset: Dataset,
  { batchSize, workers, seed, share }: Omit<Options, 'mixup'>,
): Loader {
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
