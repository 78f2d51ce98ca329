import { describe, expect, it } from 'vitest';
import { datasetFromArrays, type DatasetArrays } from '../../src/data/from-arrays.js';
import { inMemory } from './helpers.js';

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

  const { train } = arrays;
  const floats = new Float32Array(12) as unknown as Uint8Array;
  it.each<[string, Partial<DatasetArrays>]>([
    ['mine: expected names of two classes or more, found 1', { classes: ['a'] }],
    ['mine: the class a is there twice', { classes: ['a', 'a'] }],
    [
      'mine: imageShape: expected [height, width, channels] with 1 or 3 channels, found 2, 1, 4',
      { imageShape: [2, 1, 4] },
    ],
    [
      'mine: mean: expected 3 numbers, one for each channel, of pixel values scaled to 0…1, found 0.5',
      { mean: [0.5] },
    ],
    [
      'mine: std: expected 3 numbers, one for each channel, of pixel values scaled to 0…1, found 0, 1, 1',
      { std: [0, 1, 1] },
    ],
    [
      'mine: train: images: expected a Uint8Array, pixel values 0 to 255',
      { train: { ...train, images: floats } },
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
});
