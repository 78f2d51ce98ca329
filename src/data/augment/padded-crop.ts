import { UserError } from '../../core/errors.js';
import type { RandomStream } from '../../core/random.js';
import type { PaddedCrop, PixelValues } from '../dataset.js';
import type { ImageShape } from './raster.js';

/** Writes one augmented image, at offsets of arrays of one kind that may hold many. */
export type Cropper = (
  random: RandomStream,
  source: PixelValues,
  sourceOffset: number,
  target: PixelValues,
  targetOffset: number,
) => void;

/**
 * Pad, random crop back to the image's size, random horizontal flip, on `[height, width, channels]` values. `reflect`
 * mirrors the image without repeating its border (PyTorch's ReflectionPad2d). Draws, in this order: the crop's top and
 * left (with `pad` above 0), the flip (with `flip`), and nothing else, so the result is a function of the stream alone.
 * @throws UserError as `checkPaddedCrop`
 */
export function createPaddedCrop(crop: PaddedCrop, flip: boolean, imageShape: ImageShape): Cropper {
  checkPaddedCrop(crop, imageShape);
  const { pad, padMode } = crop;
  const [height, width, channels] = imageShape;
  const places = 2 * pad + 1;
  const rowLength = width * channels;
  const origin = padMode === 'reflect' ? reflected : orZero;
  const rows = Array.from({ length: places }, (_, top) =>
    Int32Array.from({ length: height }, (_, y) => origin(y + top - pad, height)),
  );
  // For each way a row can be cut, the value that each value of it comes from: one table look-up in the inner loop.
  const cuts = Array.from({ length: 2 * places }, (_, cut) => {
    const left = cut >> 1;
    const flipped = (cut & 1) === 1;
    return Int32Array.from({ length: rowLength }, (_, at) => {
      const channel = at % channels;
      const x = (at - channel) / channels;
      const column = origin((flipped ? width - 1 - x : x) + left - pad, width);
      return column < 0 ? -1 : column * channels + channel;
    });
  });
  return (random, source, sourceOffset, target, targetOffset) => {
    const top = pad > 0 ? random.below(places) : 0;
    const left = pad > 0 ? random.below(places) : 0;
    const flipped = flip && random.uniform() < 0.5;
    const from = rows[top]!;
    const cut = cuts[2 * left + (flipped ? 1 : 0)]!;
    let t = targetOffset;
    for (let y = 0; y < height; y++) {
      const row = from[y]!;
      if (row < 0) {
        target.fill(0, t, t + rowLength);
        t += rowLength;
        continue;
      }
      const start = sourceOffset + row * rowLength;
      for (let at = 0; at < rowLength; at++) {
        const s = cut[at]!;
        target[t++] = s < 0 ? 0 : source[start + s]!;
      }
    }
  };
}

/** @throws UserError if `pad` is no whole number from 0, or too large to reflect */
export function checkPaddedCrop({ pad, padMode }: PaddedCrop, [height, width]: ImageShape): void {
  if (!Number.isInteger(pad) || pad < 0) {
    throw new UserError(`augmentation.crop.pad: expected a whole number from 0, found ${pad}`);
  }
  if (padMode === 'reflect' && pad >= Math.min(height, width)) {
    throw new UserError(
      `augmentation.crop.pad: ${pad} pixels cannot be reflected into ${height}×${width} images, at most ${Math.min(height, width) - 1}`,
    );
  }
}

function reflected(position: number, size: number): number {
  if (position < 0) return -position;
  return position < size ? position : 2 * (size - 1) - position;
}

/** −1 stands for a zero. */
function orZero(position: number, size: number): number {
  return position >= 0 && position < size ? position : -1;
}
