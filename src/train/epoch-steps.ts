import { divideEpoch } from '../data/loader/divide-epoch.js';
import type { TrainSection } from './options.js';

type Batches = Pick<TrainSection, 'batchSize' | 'lastBatch'>;

/** How a training epoch divides so many images into batches; one image is none, as batch normalisation needs two. */
export const trainingSteps = (images: number, { batchSize, lastBatch }: Batches) =>
  divideEpoch(images, { batchSize, dropLast: lastBatch === 'drop', dropLone: true });

/** What becomes of an image that is left over alone for the last batch of an epoch; undefined where none is. */
export function loneImageNote(images: number, options: Batches): string | undefined {
  if (options.lastBatch === 'drop' || trainingSteps(images, options).leftOut === 0) return undefined;
  return `of ${images} training images in batches of ${options.batchSize} one is left over, which is too few for batch normalisation and for losses that compare images: each epoch goes without one, another each time`;
}
