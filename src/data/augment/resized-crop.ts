import { UserError } from '../../core/errors.js';
import type { RandomStream } from '../../core/random.js';
import type { ResizedCrop } from '../dataset.js';
import type { Rectangle } from './raster.js';

/** Tries before the fallback, as torchvision has it. */
const tries = 10;

/**
 * The part of an image that a random-resized crop takes (torchvision's RandomResizedCrop; Szegedy et al. 2015, section
 * 6): a share of the area drawn evenly, width over height evenly by its logarithm, both sides rounded, the place
 * evenly where that fits. After ten tries that do not fit, the middle of the image, as much of it as the ratios allow.
 */
export function drawResizedCrop(
  random: RandomStream,
  { scale, ratio }: ResizedCrop,
  width: number,
  height: number,
): Rectangle {
  const [least, greatest] = ratio;
  for (let i = 0; i < tries; i++) {
    const area = width * height * between(random, scale[0], scale[1]);
    const aspect = Math.exp(between(random, Math.log(least), Math.log(greatest)));
    const across = Math.round(Math.sqrt(area * aspect));
    const down = Math.round(Math.sqrt(area / aspect));
    if (across > 0 && across <= width && down > 0 && down <= height) {
      const top = random.below(height - down + 1);
      const left = random.below(width - across + 1);
      return { left, top, width: across, height: down };
    }
  }
  const across = width > height * greatest ? Math.max(1, Math.round(height * greatest)) : width;
  const down = width < height * least ? Math.max(1, Math.round(width / least)) : height;
  return {
    left: Math.floor((width - across) / 2),
    top: Math.floor((height - down) / 2),
    width: across,
    height: down,
  };
}

/** @throws UserError if a range is empty or holds nothing that an image could have */
export function checkResizedCrop({ scale, ratio }: ResizedCrop): void {
  for (const [name, [from, to], most] of [
    ['scale', scale, 1],
    ['ratio', ratio, Infinity],
  ] as const) {
    if (!(from > 0 && from <= to && to <= most)) {
      throw new UserError(
        `augmentation.crop.${name}: expected the least and the greatest, above 0${most === 1 ? ' and up to 1' : ''}, found ${from}, ${to}`,
      );
    }
  }
}

function between(random: RandomStream, from: number, to: number): number {
  return from + (to - from) * random.uniform();
}
