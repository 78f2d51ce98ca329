import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { DatasetName } from '../../src/data/registry.js';
import { loadDataset } from '../../src/data/registry.js';
import { stratifiedSubset } from '../../src/data/split.js';
import { randomStream } from '../../src/random.js';
import { noiseSplit, userMessage } from './helpers.js';

describe('a stratified selection', () => {
  const split = noiseSplit(1000, 4);
  const select = (count: number, seed = 1): ReturnType<typeof stratifiedSubset> =>
    stratifiedSubset(split, 10, count, randomStream(seed, 'select'));
  const indices = (count: number, seed?: number): number[] => {
    const { images, size } = select(count, seed);
    return Array.from({ length: size }, (_, i) => images[4 * i]! + 256 * images[4 * i + 1]!);
  };

  test('has equal shares, each image at most once and with its own label', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1000 }), fc.nat(), (count, seed) => {
        const { size, labels } = select(count, seed);
        const chosen = indices(count, seed);
        expect(size).toBe(count);
        expect(new Set(chosen).size).toBe(count);
        expect([...labels]).toEqual(chosen.map((index) => index % 10));
        const shares = Array.from({ length: 10 }, (_, label) => labels.filter((of) => of === label).length);
        expect(Math.max(...shares) - Math.min(...shares)).toBeLessThanOrEqual(1);
      }),
      { numRuns: 50 },
    );
  });

  test('is the same for a seed, the beginning of a larger one, and another for another seed', () => {
    expect(indices(200)).toEqual(indices(200));
    expect(indices(300).slice(0, 200)).toEqual(indices(200));
    expect(indices(200, 2)).not.toEqual(indices(200));
    // Not simply the first of each class.
    expect(Math.max(...indices(200))).toBeGreaterThan(500);
  });

  test('takes what there is of a class that has too few', () => {
    const uneven = noiseSplit(100, 4);
    uneven.labels.fill(0);
    uneven.labels.set([1, 1, 2], 50);
    const { labels } = stratifiedSubset(uneven, 3, 60, randomStream(1));
    expect([0, 1, 2].map((label) => labels.filter((of) => of === label).length)).toEqual([57, 2, 1]);
  });
});

describe('loadDataset', () => {
  test('limits each split', async () => {
    const request = { name: 'fashion-mnist', trainImages: 500, testImages: 30 } as const;
    const dataset = await loadDataset(request, 4);
    expect([dataset.train.size, dataset.test.size]).toEqual([500, 30]);
    expect(dataset.train.images).toHaveLength(500 * 1024);
    expect(dataset.test.labels.filter((label) => label === 7)).toHaveLength(3);
    expect(dataset.train.images.buffer).toBeInstanceOf(SharedArrayBuffer);
    expect(await loadDataset(request, 4)).toEqual(dataset);
  });

  test('refuses more images than there are, and no images', async () => {
    for (const [limit, found] of [
      [
        { trainImages: 60_001 },
        'trainImages: expected a whole number from 1 to 60000, the train images of fashion-mnist, found 60001',
      ],
      [
        { testImages: 0 },
        'testImages: expected a whole number from 1 to 10000, the test images of fashion-mnist, found 0',
      ],
    ] as const) {
      expect(await userMessage(() => loadDataset({ name: 'fashion-mnist', ...limit }, 0))).toBe(found);
    }
  });

  test('refuses an unknown name', async () => {
    expect(await userMessage(() => loadDataset({ name: 'mnist' as DatasetName }, 0))).toBe(
      'unknown data set mnist: expected one of fashion-mnist, cifar10',
    );
  });
});
