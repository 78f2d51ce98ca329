import { UserError } from '../../core/errors.js';
import type { RandomStream } from '../../core/random.js';
import type { Augmentation, PixelValues, ResizedCrop } from '../dataset.js';
import { checkColorJitter, createColorJitter } from './color-jitter.js';
import { checkCutout, createCutout } from './cutout.js';
import { createEnlarger } from './enlarge.js';
import { mirror } from './mirror.js';
import { checkPaddedCrop, createPaddedCrop } from './padded-crop.js';
import { checkRandAugment, createRandAugment } from './rand-augment.js';
import type { ImageShape, Rectangle } from './raster.js';
import { checkResizedCrop, drawResizedCrop } from './resized-crop.js';
import type { SampleStreams } from './streams.js';

/** Writes one augmented image, at offsets of arrays of one kind that may hold many. */
export type Augmenter = (
  streams: SampleStreams,
  source: PixelValues,
  sourceOffset: number,
  target: PixelValues,
  targetOffset: number,
) => void;

/** Changes an image `[height, width, channels]` that is cropped already, in place. */
export type Finisher = (streams: SampleStreams, pixels: PixelValues) => void;

/** What a random-resized crop and the flip after it come to for one sample. */
export interface DrawnCrop {
  readonly rectangle: Rectangle;
  readonly flipped: boolean;
}

/**
 * Augments images that have the data set's shape already. `mean` is the data set's, for cutout.
 * @throws UserError as `checkAugmentation`
 */
export function createAugmenter(
  augmentation: Augmentation,
  shape: ImageShape,
  mean: readonly number[],
): Augmenter {
  const cut = createCropper(augmentation, shape);
  const finish = createFinisher(augmentation, shape, mean);
  if (finish === undefined) return cut;
  const length = shape[0] * shape[1] * shape[2];
  return (streams, source, sourceOffset, target, targetOffset) => {
    cut(streams, source, sourceOffset, target, targetOffset);
    finish(streams, target.subarray(targetOffset, targetOffset + length));
  };
}

/** Draws what a random-resized crop takes of an image of that size, then the flip. */
export function drawCrop(
  streams: SampleStreams,
  crop: ResizedCrop,
  flip: boolean,
  width: number,
  height: number,
): DrawnCrop {
  const random = streams('augment');
  const rectangle = drawResizedCrop(random, crop, width, height);
  return { rectangle, flipped: flip && random.uniform() < 0.5 };
}

/** All that follows the crop and the flip: colour jitter, RandAugment, cutout; undefined for none of them. */
export function createFinisher(
  { colorJitter, randAugment, cutout }: Augmentation,
  shape: ImageShape,
  mean: readonly number[],
): Finisher | undefined {
  const operations: [string, (random: RandomStream, pixels: PixelValues) => void][] = [];
  if (colorJitter) operations.push(['color-jitter', ofBytes(createColorJitter(colorJitter, shape))]);
  if (randAugment) operations.push(['rand-augment', ofBytes(createRandAugment(randAugment, shape))]);
  if (cutout) operations.push(['cutout', createCutout(cutout, shape, mean)]);
  if (operations.length === 0) return undefined;
  return (streams, pixels) => {
    for (const [purpose, apply] of operations) apply(streams(purpose), pixels);
  };
}

/** `checkAugmentation` has refused it for other images. */
function ofBytes(
  apply: (random: RandomStream, pixels: Uint8Array) => void,
): (random: RandomStream, pixels: PixelValues) => void {
  return (random, pixels) => apply(random, pixels as Uint8Array);
}

/**
 * @param floats whether the images are floating-point numbers
 * @throws UserError if a part of the augmentation is out of range or does not fit the images
 */
export function checkAugmentation(augmentation: Augmentation, shape: ImageShape, floats = false): void {
  const { crop, colorJitter, randAugment, cutout } = augmentation;
  if ((colorJitter ?? randAugment) && floats) {
    throw new UserError(
      'augmentation: colour jitter and RandAugment are for bytes, 0 to 255, and these images are floating-point numbers: leave them out (crop, flip and cutout are for both)',
    );
  }
  if (crop.kind === 'padded') checkPaddedCrop(crop, shape);
  else checkResizedCrop(crop);
  const channels = shape[2];
  if ((colorJitter ?? randAugment) && channels !== 1 && channels !== 3) {
    throw new UserError(
      `augmentation: colour jitter and RandAugment are for images of 1 or 3 channels, not ${channels}`,
    );
  }
  if (colorJitter) checkColorJitter(colorJitter);
  if (randAugment) checkRandAugment(randAugment);
  if (cutout) checkCutout(cutout);
}

function createCropper({ crop, flip }: Augmentation, shape: ImageShape): Augmenter {
  if (crop.kind === 'padded') {
    const padded = createPaddedCrop(crop, flip, shape);
    return (streams, source, sourceOffset, target, targetOffset) =>
      padded(streams('augment'), source, sourceOffset, target, targetOffset);
  }
  const [height, width, channels] = shape;
  const enlarge = createEnlarger(shape);
  return (streams, source, sourceOffset, target, targetOffset) => {
    const { rectangle, flipped } = drawCrop(streams, crop, flip, width, height);
    enlarge(source, sourceOffset, rectangle, target, targetOffset);
    if (flipped) mirror(target.subarray(targetOffset, targetOffset + height * width * channels), shape);
  };
}
