import { UserError } from '../../core/errors.js';
import { permutation, type RandomStream } from '../../core/random.js';
import type { ColorJitter } from '../dataset.js';
import { turnHue } from './hue.js';
import type { ImageShape } from './raster.js';
import { brightness, contrast, saturation } from './tone.js';

/**
 * torchvision's ColorJitter: brightness, contrast, saturation and hue in an order drawn evenly, each by a factor drawn
 * evenly from max(0, 1 − b) … 1 + b, the hue's turn from −hue … hue. What is 0 is left out.
 */
export function createColorJitter(
  jitter: ColorJitter,
  shape: ImageShape,
): (random: RandomStream, pixels: Uint8Array) => void {
  const factor = (random: RandomStream, spread: number): number => {
    const least = Math.max(0, 1 - spread);
    return least + (1 + spread - least) * random.uniform();
  };
  const operations: readonly ((random: RandomStream, pixels: Uint8Array) => void)[] = [
    (random, pixels) => brightness(pixels, shape, factor(random, jitter.brightness)),
    (random, pixels) => contrast(pixels, shape, factor(random, jitter.contrast)),
    (random, pixels) => saturation(pixels, shape, factor(random, jitter.saturation)),
    (random, pixels) => turnHue(pixels, shape, jitter.hue * (2 * random.uniform() - 1)),
  ];
  const spreads = [jitter.brightness, jitter.contrast, jitter.saturation, jitter.hue];
  return (random, pixels) => {
    for (const i of permutation(operations.length, random)) {
      if (spreads[i]! > 0) operations[i]!(random, pixels);
    }
  };
}

/** @throws UserError if a spread is below 0, or the hue's above 0.5 */
export function checkColorJitter(jitter: ColorJitter): void {
  for (const name of ['brightness', 'contrast', 'saturation', 'hue'] as const) {
    const most = name === 'hue' ? 0.5 : Infinity;
    if (!(jitter[name] >= 0 && jitter[name] <= most)) {
      throw new UserError(
        `augmentation.colorJitter.${name}: expected a number from 0${name === 'hue' ? ' to 0.5' : ''}, found ${jitter[name]}`,
      );
    }
  }
}
