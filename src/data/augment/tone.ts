import type { ImageShape } from './raster.js';
import { toByte } from './raster.js';

/**
 * Operations on the values of a uint8 image `[height, width, channels]`, one or three channels, in place, as PIL and
 * torchvision define them to the bit. A factor of 1 leaves the image as it is, of 0 takes away what the operation is
 * named after; between and beyond, the two are mixed.
 */
export type ToneOperation = (pixels: Uint8Array, shape: ImageShape, strength: number) => void;

/** Against black. */
export const brightness: ToneOperation = (pixels, _shape, factor) => {
  for (let i = 0; i < pixels.length; i++) pixels[i] = toByte(factor * pixels[i]!);
};

/** Against the mean of the grey image, rounded. */
export const contrast: ToneOperation = (pixels, [, , channels], factor) => {
  let sum = 0;
  for (let i = 0; i < pixels.length; i += channels) sum += greyAt(pixels, i, channels);
  const mean = Math.floor((sum * channels) / pixels.length + 0.5);
  for (let i = 0; i < pixels.length; i++) pixels[i] = mixed(mean, pixels[i]!, factor);
};

/** Against the grey image; of one channel, nothing. */
export const saturation: ToneOperation = (pixels, [, , channels], factor) => {
  if (channels === 1) return;
  for (let i = 0; i < pixels.length; i += channels) {
    const grey = greyAt(pixels, i, channels);
    for (let c = i; c < i + channels; c++) pixels[c] = mixed(grey, pixels[c]!, factor);
  }
};

/** Against the image smoothed by [1 1 1; 1 5 1; 1 1 1] / 13; its border stays as it is. */
export const sharpness: ToneOperation = (pixels, [height, width, channels], factor) => {
  const source = pixels.slice();
  const row = width * channels;
  for (let y = 1; y < height - 1; y++) {
    for (let i = y * row + channels; i < (y + 1) * row - channels; i++) {
      let sum = 4 * source[i]!;
      for (let above = i - row; above <= i + row; above += row) {
        sum += source[above - channels]! + source[above]! + source[above + channels]!;
      }
      pixels[i] = mixed(Math.floor(sum / 13 + 0.5), source[i]!, factor);
    }
  }
};

/** Keeps so many of each byte's highest bits, 0…8. */
export const posterize: ToneOperation = (pixels, _shape, bits) => {
  const mask = 0xff & ~(2 ** (8 - bits) - 1);
  for (let i = 0; i < pixels.length; i++) pixels[i] = pixels[i]! & mask;
};

/** Turns values from the threshold on into their negative. */
export const solarize: ToneOperation = (pixels, _shape, threshold) => {
  for (let i = 0; i < pixels.length; i++) {
    const value = pixels[i]!;
    pixels[i] = value < threshold ? value : 255 - value;
  }
};

/** Each channel's least value becomes 0, its greatest 255. */
export const autoContrast: ToneOperation = (pixels, [, , channels]) => {
  for (let c = 0; c < channels; c++) {
    let least = 255;
    let greatest = 0;
    for (let i = c; i < pixels.length; i += channels) {
      least = Math.min(least, pixels[i]!);
      greatest = Math.max(greatest, pixels[i]!);
    }
    if (greatest <= least) continue;
    for (let i = c; i < pixels.length; i += channels) {
      pixels[i] = toByte((255 * (pixels[i]! - least)) / (greatest - least));
    }
  }
};

/** Each channel's values spread so that all are as frequent as can be. */
export const equalize: ToneOperation = (pixels, [, , channels]) => {
  const counts = new Uint32Array(256);
  const table = new Uint8Array(256);
  for (let c = 0; c < channels; c++) {
    counts.fill(0);
    let greatest = 0;
    for (let i = c; i < pixels.length; i += channels) {
      counts[pixels[i]!]!++;
      greatest = Math.max(greatest, pixels[i]!);
    }
    const step = Math.floor((pixels.length / channels - counts[greatest]!) / 255);
    if (step === 0) continue;
    let below = Math.floor(step / 2);
    for (let value = 0; value < 256; value++) {
      table[value] = Math.min(255, Math.floor(below / step));
      below += counts[value]!;
    }
    for (let i = c; i < pixels.length; i += channels) pixels[i] = table[pixels[i]!]!;
  }
};

/** ITU-R 601-2 luma in 16 fractional bits, as PIL's conversion to "L". */
function greyAt(pixels: Uint8Array, at: number, channels: number): number {
  if (channels === 1) return pixels[at]!;
  return (pixels[at]! * 19595 + pixels[at + 1]! * 38470 + pixels[at + 2]! * 7471 + 0x8000) >> 16;
}

function mixed(without: number, value: number, factor: number): number {
  return toByte(without + factor * (value - without));
}
