import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createAugmenter, drawCrop } from '../../../src/data/augment/augmenter.js';
import { mirror } from '../../../src/data/augment/mirror.js';
import { createEnlarger } from '../../../src/data/augment/enlarge.js';
import { checkResizedCrop, drawResizedCrop } from '../../../src/data/augment/resized-crop.js';
import { sampleStreams } from '../../../src/data/augment/streams.js';
import type { ResizedCrop } from '../../../src/data/dataset.js';
import { randomStream } from '../../../src/core/random.js';
import { userMessage } from '../helpers.js';

const imagenet: ResizedCrop = { kind: 'resized', scale: [0.08, 1], ratio: [3 / 4, 4 / 3] };

/** The largest gap between the sample's distribution and that of an even one over from … to. */
function gapToEven(values: number[], from: number, to: number): number {
  return Math.max(
    ...values
      .toSorted((a, b) => a - b)
      .map((x, i) => Math.abs((x - from) / (to - from) - (i + 0.5) / values.length)),
  );
}

describe('the draw', () => {
  test('area and logarithm of the ratio are even, the place even over all that fit', () => {
    const count = 20_000;
    // At most a third of 1000×1000: every first try fits, so that nothing is drawn again.
    const crop: ResizedCrop = { ...imagenet, scale: [0.08, 1 / 3] };
    const drawn = Array.from({ length: count }, (_, i) =>
      drawResizedCrop(sampleStreams(1, 1, i)('augment'), crop, 1000, 1000),
    );
    // Kolmogorov–Smirnov, one in a thousand; the sides are rounded to a thousandth.
    const limit = 1.95 / Math.sqrt(count) + 0.002;
    expect(
      gapToEven(
        drawn.map(({ width, height }) => (width * height) / 1e6),
        0.08,
        1 / 3,
      ),
    ).toBeLessThan(limit);
    expect(
      gapToEven(
        drawn.map(({ width, height }) => Math.log(width / height)),
        Math.log(3 / 4),
        Math.log(4 / 3),
      ),
    ).toBeLessThan(limit);
    expect(
      gapToEven(
        drawn.map(({ left, width }) => (left + 0.5) / (1001 - width)),
        0,
        1,
      ),
    ).toBeLessThan(limit);
    expect(
      gapToEven(
        drawn.map(({ top, height }) => (top + 0.5) / (1001 - height)),
        0,
        1,
      ),
    ).toBeLessThan(limit);
    // Independent of each other: correlation of area and ratio within four standard deviations.
    const areas = drawn.map(({ width, height }) => (width * height) / 1e6 - (0.08 + 1 / 3) / 2);
    const ratios = drawn.map(({ width, height }) => Math.log(width / height));
    const norm = (v: number[]): number => Math.sqrt(v.reduce((sum, x) => sum + x * x, 0));
    const correlation = areas.reduce((sum, a, i) => sum + a * ratios[i]!, 0) / (norm(areas) * norm(ratios));
    expect(Math.abs(correlation)).toBeLessThan(4 / Math.sqrt(count));
  });

  test('always lies in the image', () => {
    const sides = fc.integer({ min: 1, max: 3000 });
    fc.assert(
      fc.property(sides, sides, fc.nat(), (width, height, seed) => {
        const crop = drawResizedCrop(randomStream(seed), imagenet, width, height);
        expect(Math.min(crop.width, crop.height)).toBeGreaterThanOrEqual(1);
        expect(crop.left).toBeGreaterThanOrEqual(0);
        expect(crop.top).toBeGreaterThanOrEqual(0);
        expect(crop.left + crop.width).toBeLessThanOrEqual(width);
        expect(crop.top + crop.height).toBeLessThanOrEqual(height);
      }),
      { numRuns: 500 },
    );
  });

  test.each([
    [400, 100, { left: 134, top: 0, width: 133, height: 100 }],
    [100, 400, { left: 0, top: 133, width: 100, height: 133 }],
    [120, 100, { left: 0, top: 0, width: 120, height: 100 }],
  ])(
    'of %i×%i, where ten tries do not fit, takes the middle within the ratios',
    (width, height, expected) => {
      // Twice the image's area never fits.
      const crop: ResizedCrop = { ...imagenet, scale: [2, 2] };
      const found = drawResizedCrop(randomStream(1), crop, width, height);
      expect({ ...found, left: Math.ceil(found.left) }).toEqual({ ...expected, left: found.left });
      expect(Math.abs(found.left - expected.left)).toBeLessThanOrEqual(1);
    },
  );

  test('the flip is half of them and comes after the crop', () => {
    const count = 10_000;
    let flips = 0;
    for (let i = 0; i < count; i++) {
      const streams = sampleStreams(2, 1, i);
      const drawn = drawCrop(streams, imagenet, true, 500, 375);
      expect(drawCrop(streams, imagenet, false, 500, 375)).toEqual({ ...drawn, flipped: false });
      if (drawn.flipped) flips++;
    }
    expect(Math.abs(flips - count / 2)).toBeLessThan(4 * Math.sqrt(count / 4));
  });

  test.each([
    [
      { scale: [0, 1] },
      'augmentation.crop.scale: expected the least and the greatest, above 0 and up to 1, found 0, 1',
    ],
    [{ scale: [0.5, 1.5] }, 'found 0.5, 1.5'],
    [{ ratio: [2, 1] }, 'augmentation.crop.ratio: expected the least and the greatest, above 0, found 2, 1'],
  ] as const)('%j is refused', async (change, message) => {
    expect(await userMessage(() => checkResizedCrop({ ...imagenet, ...change }))).toContain(message);
  });
});

describe('enlarging', () => {
  const enlarged = (
    pixels: number[],
    shape: readonly [number, number, number],
    rectangle: { left: number; top: number; width: number; height: number },
  ): number[] => {
    const target = new Uint8Array(pixels.length);
    createEnlarger(shape)(Uint8Array.from(pixels), 0, rectangle, target, 0);
    return [...target];
  };

  test('goes by lines between the centres of pixels', () => {
    const rectangle = { left: 1, top: 0, width: 2, height: 1 };
    expect(enlarged([9, 0, 100, 9], [1, 4, 1], rectangle)).toEqual([0, 25, 75, 100]);
  });

  test('is the identity on the whole image, and keeps flat ones flat', () => {
    const pixels = Array.from({ length: 75 }, (_, i) => (i * 47) % 256);
    expect(enlarged(pixels, [5, 5, 3], { left: 0, top: 0, width: 5, height: 5 })).toEqual(pixels);
    const flat = Array<number>(75).fill(201);
    expect(enlarged(flat, [5, 5, 3], { left: 1, top: 2, width: 2, height: 3 })).toEqual(flat);
  });

  test('both ways and by channel', () => {
    const first = [...[0, 0, 0], ...[0, 0, 40], ...[0, 80, 160]];
    const pixels = first.flatMap((value) => [value, 7]);
    // The lower right four of nine, to three by three: the middle is the mean of the four.
    const expected = [...[0, 20, 40], ...[40, 70, 100], ...[80, 120, 160]].flatMap((value) => [value, 7]);
    expect(enlarged(pixels, [3, 3, 2], { left: 1, top: 1, width: 2, height: 2 })).toEqual(expected);
  });
});

test('mirror turns rows around, pixels with all their channels', () => {
  const odd = Uint8Array.of(1, 10, 2, 20, 3, 30);
  mirror(odd, [1, 3, 2]);
  expect([...odd]).toEqual([3, 30, 2, 20, 1, 10]);
  const even = Uint8Array.of(1, 2, 3, 4);
  mirror(even, [2, 2, 1]);
  expect([...even]).toEqual([2, 1, 4, 3]);
});

test('images in memory are cropped, resized and flipped as drawn', () => {
  const shape = [6, 6, 3] as const;
  const source = Uint8Array.from({ length: 2 * 108 }, (_, i) => (i * 31) % 256);
  const augment = createAugmenter({ crop: imagenet, flip: true }, shape, [0, 0, 0]);
  let flips = 0;
  for (let i = 0; i < 20; i++) {
    const { rectangle, flipped } = drawCrop(sampleStreams(1, 1, i), imagenet, true, 6, 6);
    const expected = new Uint8Array(108);
    createEnlarger(shape)(source, 108, rectangle, expected, 0);
    if (flipped) mirror(expected, shape);
    const target = new Uint8Array(110).fill(7);
    augment(sampleStreams(1, 1, i), source, 108, target, 1);
    expect([...target]).toEqual([7, ...expected, 7]);
    if (flipped) flips++;
  }
  expect(flips).toBeGreaterThan(0);
});
