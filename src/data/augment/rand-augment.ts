import { UserError } from '../../core/errors.js';
import type { RandomStream } from '../../core/random.js';
import type { RandAugment } from '../dataset.js';
import type { ImageShape } from './raster.js';
import {
  autoContrast,
  brightness,
  contrast,
  equalize,
  posterize,
  saturation,
  sharpness,
  solarize,
  type ToneOperation,
} from './tone.js';
import { rotation, shearX, shearY, translation, warp, type Matrix } from './warp.js';

/** The greatest magnitude: what each operation does at most. */
const most = 30;

/** One of the fourteen, at a level 0…1 of what it does at most. */
interface Operation {
  readonly name: string;
  /** Whether the level may turn around, each way as often. */
  readonly signed: boolean;
  readonly apply: (pixels: Uint8Array, shape: ImageShape, level: number) => void;
}

const warped = (name: string, matrix: (level: number, shape: ImageShape) => Matrix): Operation => ({
  name,
  signed: true,
  apply: (pixels, shape, level) => warp(pixels, shape, matrix(level, shape)),
});

/** A factor of 1 ± 0.9. */
const factored = (name: string, operation: ToneOperation): Operation => ({
  name,
  signed: true,
  apply: (pixels, shape, level) => operation(pixels, shape, 1 + 0.9 * level),
});

const toned = (name: string, operation: ToneOperation, strength: (level: number) => number): Operation => ({
  name,
  signed: false,
  apply: (pixels, shape, level) => operation(pixels, shape, strength(level)),
});

/** The operations of Cubuk et al. 2020 with torchvision's ranges. */
export const operations: readonly Operation[] = [
  { name: 'identity', signed: false, apply: () => {} },
  warped('shear-x', (level) => shearX(0.3 * level)),
  warped('shear-y', (level) => shearY(0.3 * level)),
  warped('translate-x', (level, [, width]) => translation(Math.trunc((150 / 331) * width * level), 0)),
  warped('translate-y', (level, [height]) => translation(0, Math.trunc((150 / 331) * height * level))),
  warped('rotate', (level, shape) => rotation(30 * level, shape)),
  factored('brightness', brightness),
  factored('saturation', saturation),
  factored('contrast', contrast),
  factored('sharpness', sharpness),
  toned('posterize', posterize, (level) => 8 - Math.round(4 * level)),
  toned('solarize', solarize, (level) => 255 * (1 - level)),
  toned('auto-contrast', autoContrast, () => 0),
  toned('equalize', equalize, () => 0),
];

/**
 * RandAugment (Cubuk et al. 2020): N operations, each drawn evenly from the fourteen, one after another, all of one
 * magnitude; where an operation has two directions, one is drawn. On the bytes, pixels moved to the nearest, what comes
 * in from outside black, all as torchvision's RandAugment does it.
 */
export function createRandAugment(
  { operations: count, magnitude }: RandAugment,
  shape: ImageShape,
): (random: RandomStream, pixels: Uint8Array) => void {
  const level = magnitude / most;
  return (random, pixels) => {
    for (let i = 0; i < count; i++) {
      const { signed, apply } = operations[random.below(operations.length)]!;
      apply(pixels, shape, signed && random.uniform() < 0.5 ? -level : level);
    }
  };
}

/** @throws UserError if a number is out of range */
export function checkRandAugment({ operations: count, magnitude }: RandAugment): void {
  if (!Number.isInteger(count) || count < 1) {
    throw new UserError(
      `augmentation.randAugment.operations: expected a whole number from 1, found ${count}`,
    );
  }
  if (!(magnitude >= 0 && magnitude <= most)) {
    throw new UserError(
      `augmentation.randAugment.magnitude: expected a number from 0 to ${most}, found ${magnitude}`,
    );
  }
}
