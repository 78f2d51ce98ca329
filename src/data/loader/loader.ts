import { z } from 'zod';
import { UserError } from '../../core/errors.js';
import { checkGiven, numbersSchema, imageShapeSchema } from '../../core/given.js';
import { permutation, randomStream } from '../../core/random.js';
import { inPhase, outOfMemoryIn } from '../../engine/out-of-memory.js';
import { checkAugmentation } from '../augment/augmenter.js';
import { BadImageRefused } from '../files/bad-image.js';
import { splitSchema } from '../forms.js';
import type { BatchSource } from './batch-source.js';
import { batchOf, checkUsable } from './batch-source.js';
import { defaultBackground } from '../dataset.js';
import type { Dataset, ImageBatch, MemorySplit, OnBadImage, PixelValues, Split } from '../dataset.js';
import type { BatchPlan } from './batch-plan.js';
import { divideEpoch } from './divide-epoch.js';
import { createFiller } from './fill.js';
import { largestShare, whole, type Share } from './share.js';
import { holdsFloats, roomLike, sharedLabels } from '../split.js';
import { WorkerPool } from './worker-pool.js';

/** What the loader needs to know of the data set that a split belongs to. */
export type LoadedDataset = Pick<
  Dataset,
  'imageShape' | 'mean' | 'augmentation' | 'onBadImage' | 'background'
>;

/** How a split is read. */
export interface LoaderOptions {
  /** Of whole batches. */
  readonly batchSize: number;
  /** The part of each batch that is wanted, image by image as the whole batch has it; default: all of it. */
  readonly share?: Share;
  readonly seed: number;
  /** Whether each epoch has an order of its own; else that of the split. */
  readonly shuffle: boolean;
  /**
   * Whether images are varied as the data set's augmentation says; else those in memory are as they are, and of image
   * files the middle is taken: all of the shorter side, or 224/256 of it where training crops at random and resizes.
   */
  readonly augment: boolean;
  /** Whether images that do not fill the last batch are left out of the epoch; else that batch is short. */
  readonly dropLast: boolean;
  /** Whether an image that is alone in its batch, the last or one of bad images, is left out; default: no. */
  readonly dropLone?: boolean;
  /** Threads that fill batches ahead; 0: the calling thread fills each batch when it is asked for. */
  readonly workers: number;
  /** Batches kept ready beside the one in use, 1 or more; of no account without workers. */
  readonly prefetch: number;
}

/** ImageNet's evaluation, for images that are trained on in random-resized crops: 224 of 256 pixels. */
const evaluationShare = 224 / 256;
/** Image files decoded at once where there are no workers: as many as Node has threads for it. */
const inlineLanes = 4;

/** Batches of a split, epoch by epoch. */
export interface Loader {
  /** Batches an epoch. */
  readonly steps: number;
  /** Images that an epoch goes without, as there is no batch for them. */
  readonly leftOut: number;
  /**
   * The epoch's batches, from batch `first` on (default 0); what is before it is not decoded. Their bytes depend on the split, the seed and the epoch alone. A batch's arrays are valid
   * until the next one is asked for. One epoch at a time: asking another's first batch ends the one before. With
   * `onBadImage: skip`, a batch goes without its bad images, down to none.
   * @throws UserError for an image file that cannot be decoded, with its name and index, unless bad images are skipped
   * @throws Error if a worker fails or the loader has been closed
   */
  batches(epoch: number, first?: number): AsyncIterable<ImageBatch>;
  /** Ends the workers. */
  close(): Promise<void>;
}

const forms = {
  dataset: z.object({
    imageShape: imageShapeSchema,
    mean: numbersSchema,
    augmentation: z.object({ crop: z.object({ kind: z.string() }) }),
  }),
  split: splitSchema,
  options: z.object({
    seed: z.int(),
    shuffle: z.boolean().optional(),
    augment: z.boolean().optional(),
    dropLast: z.boolean().optional(),
  }),
};

/**
 * Opens a split for reading in batches. Workers start at once; they never keep the process alive by themselves. A
 * split that is not over shared memory is copied there for them.
 * @throws UserError for a batch larger than the split with `dropLast`, or sizes that are no whole numbers
 */
export function openLoader(dataset: LoadedDataset, split: Split, options: LoaderOptions): Loader {
  checkGiven('openLoader', forms, { dataset, split, options });
  const { imageShape, mean } = dataset;
  const { seed, shuffle, dropLast, dropLone = false, workers, prefetch, share = whole } = options;
  wholeNumber('split.size', split.size, 1);
  wholeNumber('batchSize', options.batchSize, 1);
  wholeNumber('workers', workers, 0);
  wholeNumber('prefetch', prefetch, 1);
  checkSplit(split, imageShape);
  if (options.augment) checkAugmentation(dataset.augmentation, imageShape, holdsFloats(split));
  if (dropLast) refuseLargerBatch(options.batchSize, split);
  const batchSize = Math.min(options.batchSize, split.size);
  const { steps, leftOut } = divideEpoch(split.size, { batchSize, dropLast, dropLone });
  const order = new Uint32Array(new SharedArrayBuffer(4 * split.size));
  for (let i = 0; i < split.size; i++) order[i] = i;
  const augmentation = options.augment ? dataset.augmentation : undefined;
  const plan: BatchPlan = {
    split,
    imageShape,
    mean,
    batchSize,
    share,
    seed,
    augmentation,
    centreShare: dataset.augmentation.crop.kind === 'resized' ? evaluationShare : 1,
    background: dataset.background ?? defaultBackground,
    dropLone,
    order,
  };
  const source = inPhase(phase, remedy, () =>
    workers > 0
      ? new WorkerPool({ ...plan, split: shared(split) }, steps, workers, prefetch)
      : openInline(plan),
  );
  const shuffleFor = (epoch: number): void => {
    if (shuffle) order.set(permutation(split.size, randomStream(seed, 'data', 'order', epoch)));
  };
  const { onBadImage = 'fail' } = dataset;
  const batches = iterate(source, steps, shuffleFor, onBadImage);
  return { steps, leftOut, batches, close: () => source.close() };
}

/** Throws a UserError for a batch that a split cannot fill. */
export function refuseLargerBatch(batchSize: number, { size }: Split): void {
  if (batchSize <= size) return;
  throw new UserError(
    `batchSize: a batch of ${batchSize} is larger than the data set, ${size} images: choose a smaller one`,
  );
}

const [phase, remedy] = ['loading batches', 'lower train.batchSize, or free memory on this machine'];

function iterate(
  source: BatchSource,
  steps: number,
  shuffleFor: (epoch: number) => void,
  onBadImage: OnBadImage,
): (epoch: number, first?: number) => AsyncGenerator<ImageBatch, void, undefined> {
  let current = 0;
  return async function* (epoch, first = 0) {
    const own = ++current;
    const isCurrent = (): boolean => own === current;
    await source.begin(epoch, first, isCurrent, () => shuffleFor(epoch));
    try {
      for (let step = first; step < steps; step++) {
        const batch = await source.take(step, isCurrent);
        const [bad] = batch.skipped;
        if (bad && onBadImage === 'fail') {
          throw new BadImageRefused(`${bad.path} (image ${bad.index}) ${bad.reason}`);
        }
        yield batch;
      }
    } catch (error) {
      throw outOfMemoryIn(phase, remedy, error);
    } finally {
      if (isCurrent()) source.stop();
    }
  };
}

/** Without workers: one buffer, filled when a batch is asked for. */
function openInline(plan: BatchPlan): BatchSource {
  const [height, width, channels] = plan.imageShape;
  const fill = createFiller(plan, inlineLanes);
  const room = largestShare(plan.batchSize, plan.share);
  const buffers = {
    images: roomLike(plan.split, room * height * width * channels),
    labels: new Uint16Array(room),
  };
  let epochAtHand = 0;
  let closed = false;
  /** Ends when nobody writes to the buffer any more. */
  let writing: Promise<unknown> = Promise.resolve();
  const isStopped = (isCurrent: () => boolean) => (): boolean => closed || !isCurrent();
  return {
    begin: async (epoch, _first, isCurrent, prepare) => {
      await writing;
      checkUsable(closed, isCurrent);
      prepare();
      epochAtHand = epoch;
    },
    take: async (step, isCurrent) => {
      checkUsable(closed, isCurrent);
      const filling = fill(epochAtHand, step, buffers, isStopped(isCurrent));
      writing = Promise.allSettled([filling]);
      const { size, bad } = await filling;
      checkUsable(closed, isCurrent);
      return batchOf(plan, buffers, size, bad);
    },
    stop: () => {},
    close: async () => {
      closed = true;
      await writing;
    },
  };
}

function shared(split: Split): Split {
  if (split.kind !== 'memory') return split;
  return { ...split, images: shareImages(split), labels: shareLabels(split) };
}

function shareImages(split: MemorySplit): PixelValues {
  const { images } = split;
  if (images.buffer instanceof SharedArrayBuffer) return images;
  const copy = roomLike(split, images.length);
  copy.set(images);
  return copy;
}

function shareLabels({ labels }: Split): Uint16Array {
  if (labels.buffer instanceof SharedArrayBuffer) return labels;
  const copy = sharedLabels(labels.length);
  copy.set(labels);
  return copy;
}

/** Throws a UserError if the split holds less or more than it says. */
function checkSplit(split: Split, imageShape: readonly [number, number, number]): void {
  const values = imageShape[0] * imageShape[1] * imageShape[2];
  const images = split.kind === 'memory' ? split.images.length / values : split.paths.starts.length - 1;
  if (images !== split.size || split.labels.length !== split.size) {
    throw new UserError(
      `the split has ${images} images of ${imageShape.join('×')} and ${split.labels.length} labels, not ${split.size} of each`,
    );
  }
}

function wholeNumber(name: string, value: number, least: number): void {
  if (!Number.isInteger(value) || value < least) {
    throw new UserError(`${name}: expected a whole number from ${least}, found ${value}`);
  }
}
