import { describe, expect, it } from 'vitest';
import type { PixelValues, Split } from '../../src/data/dataset.js';
import { datasetFromArrays, type DatasetArrays } from '../../src/data/from-arrays.js';
import { identityOf } from '../../src/data/identity.js';
import { dataDifferences } from '../../src/data/identity-difference.js';
import { subsetOf } from '../../src/data/split.js';
import { inMemory } from './helpers.js';

function valuesOf(split: Split): PixelValues {
  if (split.kind !== 'memory') throw new Error('in memory it is');
  return split.images;
}

/** One row of pixels, and as many channels as there are of nothing in particular. */
const floats = {
  name: 'mine',
  classes: ['light', 'dark'],
  imageShape: [1, 1, 4],
  train: { images: Float32Array.from({ length: 8 }, (_, i) => i), labels: [1, 0] },
  test: { images: new Float32Array(4), labels: [1] },
} satisfies DatasetArrays;

const arrays: DatasetArrays = {
  name: 'mine',
  classes: ['light', 'dark'],
  imageShape: [2, 1, 3],
  mean: [0.5, 0.5, 0.5],
  std: [0.25, 0.25, 0.25],
  train: { images: Uint8Array.from({ length: 12 }, (_, i) => i), labels: [1, 0] },
  test: { images: new Uint8ClampedArray(6), labels: Uint8Array.of(1) },
};

describe('datasetFromArrays', () => {
  it('copies images and labels to where workers read them, not augmented', () => {
    const { train, test, augmentation, ...rest } = datasetFromArrays(arrays);
    const { images, labels } = inMemory(train);
    expect([...images]).toEqual([...arrays.train.images]);
    expect([...labels]).toEqual([1, 0]);
    expect([images.buffer, labels.buffer].every((buffer) => buffer instanceof SharedArrayBuffer)).toBe(true);
    expect([train.size, test.size, ...test.labels]).toEqual([2, 1, 1]);
    expect(augmentation).toEqual({ crop: { kind: 'padded', pad: 0, padMode: 'zero' }, flip: false });
    const { name, classes, imageShape, mean, std } = arrays;
    expect(rest).toEqual({ name, classes, imageShape, mean, std });
  });

  it('keeps floating-point images as they are, of any shape, not normalised unless it is said how', () => {
    const images = Float32Array.of(-3.5, 0, 1e-3, 7, 255, 1e20, 0.5, -0.25);
    const own = { ...floats, train: { images, labels: [1, 0] }, test: { images, labels: [0, 0] } };
    const dataset = datasetFromArrays(own);
    const { train } = dataset;
    expect(valuesOf(train)).toEqual(images);
    expect(valuesOf(train).buffer).toBeInstanceOf(SharedArrayBuffer);
    expect([dataset.mean, dataset.std]).toEqual([
      [0, 0, 0, 0],
      [1, 1, 1, 1],
    ]);
    const normalised = datasetFromArrays({ ...own, mean: [-8, 0, 1, 300], std: [2, 1, 1, 1] });
    expect([normalised.mean[3], normalised.std[0]]).toEqual([300, 2]);
    const part = subsetOf(train, Uint32Array.of(1));
    expect([...valuesOf(part)]).toEqual([...images.subarray(4)]);
  });

  it('is another data set with other pixel values, bytes or not, and the same one with the same', () => {
    for (const [own, other] of [
      [arrays, Uint8Array.from({ length: 12 }, (_, i) => i + 1)],
      [floats, Float32Array.of(0, 1, 2, 3, 4, 5, 6, 7.5)],
    ] as const) {
      const identity = identityOf(datasetFromArrays(own));
      expect(identityOf(datasetFromArrays({ ...own, name: 'yours' }))).toEqual(identity);
      const changed = datasetFromArrays({ ...own, train: { ...own.train, images: other } });
      expect(dataDifferences(identity, identityOf(changed))).toEqual([
        'train: other pixel values of the same labels',
      ]);
      // Of an older version, which did not record them.
      const { values, ...train } = identity.train;
      expect(values).toMatch(/^[0-9a-f]{64}$/);
      expect(dataDifferences({ ...identity, train }, identityOf(changed))).toEqual([]);
    }
  });

  const { train } = arrays;
  it.each<[string, Partial<DatasetArrays>]>([
    ['mine: expected names of two classes or more, found 1', { classes: ['a'] }],
    ['mine: the class a is there twice', { classes: ['a', 'a'] }],
    [
      'mine: imageShape: expected [height, width, channels], whole numbers from 1, found 2, 1, 0',
      { imageShape: [2, 1, 0] },
    ],
    [
      'mine: mean: expected 3 numbers, one for each channel, of pixel values scaled to 0…1, found 0.5',
      { mean: [0.5] },
    ],
    [
      'mine: std: expected 3 numbers above 0, one for each channel, of pixel values scaled to 0…1, found 0, 1, 1',
      { std: [0, 1, 1] },
    ],
    [
      'mine: train: images: expected a Uint8Array, pixel values 0 to 255, or a Float32Array, values that are used as they are',
      { train: { ...train, images: new Float64Array(12) as unknown as Float32Array } },
    ],
    ['mine: train: labels: there are none', { train: { ...train, labels: [] } }],
    [
      'mine: train: images: expected 18 values, 3 images of 2×1×3, as there are labels, found 12',
      { train: { ...train, labels: [0, 1, 0] } },
    ],
    ['mine: test: label 0: expected 0 to 1, found 2', { test: { ...arrays.test, labels: [2] } }],
    ['mine: test: label 0: expected 0 to 1, found 0.5', { test: { ...arrays.test, labels: [0.5] } }],
  ])('refuses: %s', (message, change) => {
    expect(() => datasetFromArrays({ ...arrays, ...change })).toThrow(message);
  });

  it.each([
    ['no arrays at all', undefined, 'datasetFromArrays: arrays: missing; must be a map'],
    [
      'a number of classes',
      { ...arrays, classes: 2 },
      'datasetFromArrays: arrays.classes: must be a list, not 2',
    ],
    [
      'no test images',
      { ...arrays, test: undefined },
      'datasetFromArrays: arrays.test: missing; must be a map',
    ],
    [
      'numbers as text',
      { ...arrays, std: ['1', '1', '1'] },
      'datasetFromArrays: arrays.std.0: must be a number',
    ],
    [
      'labels in words',
      { ...arrays, test: { ...arrays.test, labels: 'a' } },
      'datasetFromArrays: arrays.test.labels: must be a list of class indices',
    ],
    [
      'a deviation that images become infinite by',
      { ...arrays, std: [1, 1, 1e-39] },
      'mine: train: images: normalised, (value − mean) / std, they go up to 5.00e+38, more than numbers of 32 bits can be',
    ],
  ])('refuses %s', (_, given, message) => {
    expect(() => datasetFromArrays(given as DatasetArrays)).toThrow(message);
  });

  it('refuses bytes without mean or std, which nothing is right for', () => {
    const { train: bytes, test, name, classes, imageShape } = arrays;
    expect(() => datasetFromArrays({ name, classes, imageShape, train: bytes, test })).toThrow(
      'mine: mean: expected 3 numbers, one for each channel, of pixel values scaled to 0…1, found none',
    );
  });

  it.each<[string, Partial<DatasetArrays>]>([
    [
      'mine: train: images: image 1: value 2 is NaN, and must be a finite number',
      { train: { images: Float32Array.of(0, 1, 2, 3, 4, 5, NaN, 7), labels: [0, 1] } },
    ],
    [
      'mine: test: images: image 0: value 0 is -Infinity, and must be a finite number',
      { test: { images: Float32Array.of(-Infinity, 1, 2, 3), labels: [0] } },
    ],
    [
      'mine: images of train and test: expected the same kind of both, bytes or floating-point numbers',
      { test: { images: new Uint8Array(4), labels: [0] } },
    ],
    [
      'mine: mean: expected 4 numbers, one for each channel, of the values as they are, found 0, NaN, 0, 0',
      { mean: [0, NaN, 0, 0] },
    ],
    [
      'mine: std: expected 4 numbers above 0, one for each channel, of the values as they are, found 1, 1, -2, 1',
      { std: [1, 1, -2, 1] },
    ],
  ])('refuses of floating-point images: %s', (message, change) => {
    expect(() => datasetFromArrays({ ...floats, ...change })).toThrow(message);
  });
});
