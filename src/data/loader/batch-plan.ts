import type { ImageShape } from '../augment/raster.js';
import type { Augmentation, BadImage, Colour, PixelValues, Split } from '../dataset.js';
import type { Share } from './share.js';

/** What a batch's values are a function of, with the epoch and the step. Plain data: it goes to the workers. */
export interface BatchPlan {
  readonly split: Split;
  readonly imageShape: ImageShape;
  /** The data set's, for cutout. */
  readonly mean: readonly number[];
  /** Of whole batches. */
  readonly batchSize: number;
  /** The part of each batch that is filled. */
  readonly share: Share;
  readonly seed: number;
  readonly augmentation: Augmentation | undefined;
  /** Of an image file: the share of the shorter side that is taken from its middle, where no crop is drawn. */
  readonly centreShare: number;
  /** Of an image file: what shows through its transparent parts. */
  readonly background: Colour;
  /** Whether an image is left out that is alone in its batch because the others are bad. */
  readonly dropLone: boolean;
  /** The images' indices in the order of the epoch at hand, over shared memory, rewritten between epochs. */
  readonly order: Uint32Array;
}

/** Room for a full batch's share. */
export interface BatchBuffers {
  readonly images: PixelValues;
  readonly labels: Uint16Array;
}

/** What has been written: so many images, one after another, and those that could not be. */
export interface FilledBatch {
  readonly size: number;
  readonly bad: readonly BadImage[];
}

/**
 * Writes batch `step` of the epoch. `isStopped` is asked between image files; once it comes to true, what is written
 * and returned does not matter.
 */
export type BatchFiller = (
  epoch: number,
  step: number,
  buffers: BatchBuffers,
  isStopped: () => boolean,
) => FilledBatch | Promise<FilledBatch>;
