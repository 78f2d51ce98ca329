import { UserError } from '../../core/errors.js';
import type { RandomStream } from '../../core/random.js';
import type { Cutout, PixelValues } from '../dataset.js';
import type { ImageShape } from './raster.js';

/**
 * Cutout (DeVries & Taylor 2017): a square of `size` pixels' side whose centre is drawn evenly from the image's pixels
 * and which the border may cut. It gets the data set's mean colour, as good as a byte can say it where images are bytes:
 * that is 0 after normalisation, as in the paper.
 */
export function createCutout(
  { size }: Cutout,
  [height, width, channels]: ImageShape,
  mean: readonly number[],
): (random: RandomStream, pixels: PixelValues) => void {
  const ofBytes = mean.map((value) => Math.round(255 * value));
  const before = Math.floor(size / 2);
  return (random, pixels) => {
    const top = random.below(height) - before;
    const left = random.below(width) - before;
    const colour = pixels instanceof Uint8Array ? ofBytes : mean;
    for (let y = Math.max(0, top); y < Math.min(height, top + size); y++) {
      for (let x = Math.max(0, left); x < Math.min(width, left + size); x++) {
        pixels.set(colour, (y * width + x) * channels);
      }
    }
  };
}

/** @throws UserError if the side is no whole number from 1 */
export function checkCutout({ size }: Cutout): void {
  if (!Number.isInteger(size) || size < 1) {
    throw new UserError(`augmentation.cutout.size: expected a whole number from 1, found ${size}`);
  }
}
