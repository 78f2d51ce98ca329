import { describe, expect, test } from 'vitest';
import { augmentationSchema, overrideAugmentation } from '../../../src/data/augment/options.js';
import type { Augmentation } from '../../../src/data/dataset.js';

const own: Augmentation = { crop: { kind: 'padded', pad: 4, padMode: 'reflect' }, flip: true };

describe('data.augmentation', () => {
  test('leaves the data set’s own where it says nothing', () => {
    expect(overrideAugmentation(own, augmentationSchema.parse({}))).toEqual(own);
    expect(overrideAugmentation(own)).toEqual(own);
  });

  test('takes the place of what it names, defaults filled in', () => {
    const options = augmentationSchema.parse({
      crop: { kind: 'resized' },
      colorJitter: { brightness: 0.4 },
      randAugment: {},
      cutout: { size: 16 },
    });
    expect(overrideAugmentation(own, options)).toEqual({
      crop: { kind: 'resized', scale: [0.08, 1], ratio: [3 / 4, 4 / 3] },
      flip: true,
      colorJitter: { brightness: 0.4, contrast: 0, saturation: 0, hue: 0 },
      randAugment: { operations: 2, magnitude: 9 },
      cutout: { size: 16 },
    });
  });

  test.each([
    [{ flips: true }],
    [{ crop: { kind: 'other' } }],
    [{ crop: { kind: 'padded', pad: -1 } }],
    [{ crop: { kind: 'resized', scale: [1, 0.5] } }],
    [{ crop: { kind: 'resized', scale: [0, 1] } }],
    [{ colorJitter: { hue: 0.6 } }],
    [{ randAugment: { magnitude: 31 } }],
    [{ randAugment: { magnitude: 2.5 } }],
    [{ cutout: {} }],
  ])('%j is refused', (options) => {
    expect(augmentationSchema.safeParse(options).success).toBe(false);
  });
});
