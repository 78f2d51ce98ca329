import { UserError } from '../errors.js';
import { permutation, randomStream } from '../random.js';
import { checkAugmentation } from './augment.js';
import type { BatchSource } from './batch-source.js';
import { checkUsable } from './batch-source.js';
import type { Augmentation, ImageBatch, Split } from './dataset.js';
import type { BatchPlan } from './fill.js';
import { createFiller } from './fill.js';
import { sharedBytes } from './split.js';
import { WorkerPool } from './worker-pool.js';

export interface LoaderOptions {
  /** `[height, width, channels]` of the split's images. */
  readonly imageShape: readonly [number, number, number];
  readonly batchSize: number;
  readonly seed: number;
  /** Whether each epoch has an order of its own; else that of the split. */
  readonly shuffle: boolean;
  /** undefined: the images as they are. */
  readonly augmentation: Augmentation | undefined;
  /** Whether images that do not fill the last batch are left out of the epoch; else that batch is short. */
  readonly dropLast: boolean;
  /** Threads that fill batches ahead; 0: the calling thread fills each batch when it is asked for. */
  readonly workers: number;
  /** Batches kept ready beside the one in use, 1 or more; of no account without workers. */
  readonly prefetch: number;
}

export interface Loader {
  /** Batches an epoch. */
  readonly steps: number;
  /**
   * The epoch's batches. Their bytes depend on the split, the seed and the epoch alone. A batch's arrays are valid
   * until the next one is asked for. One epoch at a time: asking another's first batch ends the one before.
   * @throws Error if a worker fails or the loader has been closed
   */
  batches(epoch: number): AsyncIterable<ImageBatch>;
  /** Ends the workers. */
  close(): Promise<void>;
}

/**
 * Opens a split for reading in batches. Workers start at once; they never keep the process alive by themselves. A
 * split that is not over shared memory is copied there for them.
 * @throws UserError for a batch larger than the split with `dropLast`, or sizes that are no whole numbers
 */
export function openLoader(split: Split, options: LoaderOptions): Loader {
  const { imageShape, seed, shuffle, augmentation, dropLast, workers, prefetch } = options;
  const imageBytes = imageShape[0] * imageShape[1] * imageShape[2];
  wholeNumber('split.size', split.size, 1);
  wholeNumber('batchSize', options.batchSize, 1);
  wholeNumber('workers', workers, 0);
  wholeNumber('prefetch', prefetch, 1);
  if (split.images.length !== split.size * imageBytes || split.labels.length !== split.size) {
    throw new UserError(
      `the split has ${split.images.length} image bytes and ${split.labels.length} labels, not ${split.size} images of ${imageShape.join('×')}`,
    );
  }
  if (augmentation) checkAugmentation(augmentation, imageShape);
  if (dropLast && options.batchSize > split.size) {
    throw new UserError(
      `batchSize: a batch of ${options.batchSize} is larger than the data set, ${split.size} images: choose a smaller one`,
    );
  }
  const batchSize = Math.min(options.batchSize, split.size);
  const steps = dropLast ? Math.floor(split.size / batchSize) : Math.ceil(split.size / batchSize);
  const order = new Uint32Array(new SharedArrayBuffer(4 * split.size));
  for (let i = 0; i < split.size; i++) order[i] = i;
  const plan: BatchPlan = { split, imageShape, batchSize, seed, augmentation, order };
  const source =
    workers > 0
      ? new WorkerPool({ ...plan, split: shared(split) }, steps, workers, prefetch)
      : openInline(plan, imageBytes);
  const shuffleFor = (epoch: number): void => {
    if (shuffle) order.set(permutation(split.size, randomStream(seed, 'data', 'order', epoch)));
  };
  return { steps, batches: iterate(source, steps, shuffleFor), close: () => source.close() };
}

function iterate(
  source: BatchSource,
  steps: number,
  shuffleFor: (epoch: number) => void,
): (epoch: number) => AsyncGenerator<ImageBatch, void, undefined> {
  let current = 0;
  return async function* (epoch) {
    const own = ++current;
    const isCurrent = (): boolean => own === current;
    await source.begin(epoch, isCurrent, () => shuffleFor(epoch));
    try {
      for (let step = 0; step < steps; step++) yield await source.take(step, isCurrent);
    } finally {
      if (isCurrent()) source.stop();
    }
  };
}

/** Without workers: one buffer, filled when a batch is asked for. */
function openInline(plan: BatchPlan, imageBytes: number): BatchSource {
  const fill = createFiller(plan);
  const images = new Uint8Array(plan.batchSize * imageBytes);
  const labels = new Uint8Array(plan.batchSize);
  let epochAtHand = 0;
  let closed = false;
  return {
    begin: (epoch, isCurrent, prepare) => {
      checkUsable(closed, isCurrent);
      prepare();
      epochAtHand = epoch;
    },
    take: (step, isCurrent) => {
      checkUsable(closed, isCurrent);
      const size = fill(epochAtHand, step, images, labels);
      return { size, images: images.subarray(0, size * imageBytes), labels: labels.subarray(0, size) };
    },
    stop: () => {},
    close: () => {
      closed = true;
      return Promise.resolve();
    },
  };
}

function shared(split: Split): Split {
  const own = (bytes: Uint8Array): Uint8Array => {
    if (bytes.buffer instanceof SharedArrayBuffer) return bytes;
    const copy = sharedBytes(bytes.length);
    copy.set(bytes);
    return copy;
  };
  return { size: split.size, images: own(split.images), labels: own(split.labels) };
}

function wholeNumber(name: string, value: number, least: number): void {
  if (!Number.isInteger(value) || value < least) {
    throw new UserError(`${name}: expected a whole number from ${least}, found ${value}`);
  }
}
