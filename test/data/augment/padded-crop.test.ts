import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createPaddedCrop } from '../../../src/data/augment/padded-crop.js';
import type { PaddedCrop } from '../../../src/data/dataset.js';
import type { RandomStream } from '../../../src/core/random.js';
import { randomStream } from '../../../src/core/random.js';
import { userMessage } from '../helpers.js';

type Shape = readonly [number, number, number];

/** Pads into a new image, cuts out of it, turns it around: the definition, step by step. */
function naive(
  random: RandomStream,
  { pad, padMode }: PaddedCrop,
  flip: boolean,
  [height, width, channels]: Shape,
  image: ArrayLike<number>,
): number[] {
  const pixel = (y: number, x: number, c: number): number => image[(y * width + x) * channels + c]!;
  const mirror = (i: number, n: number): number => (i < 0 ? -i : i >= n ? 2 * n - 2 - i : i);
  const padded: number[][][] = [];
  for (let y = -pad; y < height + pad; y++) {
    const row: number[][] = [];
    for (let x = -pad; x < width + pad; x++) {
      const inside = y >= 0 && y < height && x >= 0 && x < width;
      row.push(
        Array.from({ length: channels }, (_, c) => {
          if (inside) return pixel(y, x, c);
          return padMode === 'zero' ? 0 : pixel(mirror(y, height), mirror(x, width), c);
        }),
      );
    }
    padded.push(row);
  }
  const top = pad > 0 ? random.below(2 * pad + 1) : 0;
  const left = pad > 0 ? random.below(2 * pad + 1) : 0;
  const cropped = padded.slice(top, top + height).map((row) => row.slice(left, left + width));
  const flipped = flip && random.uniform() < 0.5;
  return cropped.flatMap((row) => (flipped ? row.reverse() : row).flat());
}

const cases = fc
  .record({
    height: fc.integer({ min: 1, max: 9 }),
    width: fc.integer({ min: 1, max: 9 }),
    channels: fc.integer({ min: 1, max: 4 }),
    kind: fc.constant('padded' as const),
    padMode: fc.constantFrom('reflect' as const, 'zero' as const),
    flip: fc.boolean(),
    seed: fc.nat(),
    before: fc.nat({ max: 5 }),
  })
  .chain((rest) =>
    fc.record({
      ...Object.fromEntries(Object.entries(rest).map(([key, value]) => [key, fc.constant(value)])),
      pad: fc.nat({ max: rest.padMode === 'zero' ? 12 : Math.min(rest.height, rest.width) - 1 }),
      image: fc.uint8Array({
        minLength: rest.height * rest.width * rest.channels,
        maxLength: rest.height * rest.width * rest.channels,
      }),
    }),
  ) as fc.Arbitrary<
  PaddedCrop & {
    flip: boolean;
    height: number;
    width: number;
    channels: number;
    seed: number;
    before: number;
    image: Uint8Array;
  }
>;

/** A stream that gives what a crop to (top, left) with or without a flip draws. */
function drawing(top: number, left: number, flip: boolean): RandomStream {
  const belows = [top, left];
  return { ...randomStream(0), below: () => belows.shift()!, uniform: () => (flip ? 0.49 : 0.5) };
}

function apply(
  random: RandomStream,
  crop: PaddedCrop,
  flip: boolean,
  shape: Shape,
  image: number[],
): number[] {
  const target = new Uint8Array(image.length);
  createPaddedCrop(crop, flip, shape)(random, Uint8Array.from(image), 0, target, 0);
  return [...target];
}

describe('pad, crop and flip', () => {
  test('equals the step by step definition, at any offset, and touches nothing else', () => {
    fc.assert(
      fc.property(cases, ({ height, width, channels, seed, before, image, flip, ...crop }) => {
        const shape = [height, width, channels] as const;
        const source = Uint8Array.from([...Array<number>(before).fill(77), ...image, 77]);
        const target = new Uint8Array(image.length + before + 1).fill(99);
        createPaddedCrop(crop, flip, shape)(randomStream(seed), source, before, target, before);
        expect([...target.subarray(before, -1)]).toEqual(naive(randomStream(seed), crop, flip, shape, image));
        expect([...target.subarray(0, before), target.at(-1)]).toEqual(Array(before + 1).fill(99));
      }),
      { numRuns: 500 },
    );
  });

  test('reflects without repeating the border, as PyTorch does', () => {
    const wide = (left: number, flip = false): number[] =>
      apply(
        drawing(0, left, flip),
        { kind: 'padded', pad: 2, padMode: 'reflect' },
        true,
        [3, 4, 1],
        [...[1, 2, 3, 4], ...[5, 6, 7, 8], ...[9, 10, 11, 12]],
      );
    expect(wide(2)).toEqual([9, 10, 11, 12, 5, 6, 7, 8, 1, 2, 3, 4]);
    expect(wide(0)).toEqual([11, 10, 9, 10, 7, 6, 5, 6, 3, 2, 1, 2]);
    expect(wide(4)).toEqual([11, 12, 11, 10, 7, 8, 7, 6, 3, 4, 3, 2]);
    expect(wide(0, true)).toEqual([10, 9, 10, 11, 6, 5, 6, 7, 2, 1, 2, 3]);
  });

  test('zero-pads', () => {
    const crop = { kind: 'padded', pad: 1, padMode: 'zero' } as const;
    expect(apply(drawing(0, 2, false), crop, false, [2, 2, 2], [1, 2, 3, 4, 5, 6, 7, 8])).toEqual([
      ...[0, 0, 0, 0],
      ...[3, 4, 0, 0],
    ]);
  });

  test.each([
    [
      { kind: 'padded', pad: 4, padMode: 'reflect' },
      [4, 9, 1],
      /4 pixels cannot be reflected into 4×9 images, at most 3/,
    ],
    [
      { kind: 'padded', pad: -1, padMode: 'zero' },
      [4, 9, 1],
      /augmentation\.crop\.pad: expected a whole number from 0, found -1/,
    ],
    [{ kind: 'padded', pad: 1.5, padMode: 'zero' }, [4, 9, 1], /found 1\.5/],
  ] as const)('refuses %j on images of %j', async (crop, shape, message) => {
    expect(await userMessage(() => createPaddedCrop(crop, true, shape))).toMatch(message);
  });
});

describe('the draws', () => {
  /** Shares of the crops and of the flips among samples with streams as the loader names them. */
  function count(samples: number): { crops: number[]; flips: number; both: number[] } {
    // Every pixel tells its place, so that the middle of the result tells the crop, and its neighbour the flip.
    const image = Uint8Array.from({ length: 32 * 32 * 2 }, (_, i) => (i % 2 === 0 ? i >> 6 : (i >> 1) & 31));
    const augment = createPaddedCrop({ kind: 'padded', pad: 4, padMode: 'reflect' }, true, [32, 32, 2]);
    const target = new Uint8Array(image.length);
    const crops = Array<number>(81).fill(0);
    const both = Array<number>(162).fill(0);
    let flips = 0;
    const middle = (16 * 32 + 16) * 2;
    for (let i = 0; i < samples; i++) {
      augment(randomStream(7, 'data', 'augment', 3, i), image, 0, target, 0);
      const flipped = target[middle + 3]! < target[middle + 1]!;
      const top = target[middle]! - 12;
      const left = target[middle + 1]! - (flipped ? 11 : 12);
      crops[top * 9 + left]!++;
      both[(top * 9 + left) * 2 + (flipped ? 1 : 0)]!++;
      if (flipped) flips++;
    }
    return { crops, flips, both };
  }

  const chiSquare = (counts: number[], expected: number): number =>
    counts.reduce((sum, n) => sum + (n - expected) ** 2 / expected, 0);

  test('crops are uniform over the 81 places, flips half of them, the two independent', () => {
    const samples = 32_400;
    const { crops, flips, both } = count(samples);
    // Four standard deviations of each statistic: χ² with k degrees of freedom has mean k and variance 2k.
    expect(Math.abs(flips - samples / 2)).toBeLessThan(4 * Math.sqrt(samples / 4));
    expect(chiSquare(crops, samples / 81)).toBeLessThan(80 + 4 * Math.sqrt(160));
    expect(chiSquare(both, samples / 162)).toBeLessThan(161 + 4 * Math.sqrt(322));
    expect(chiSquare(both, samples / 162)).toBeGreaterThan(161 - 4 * Math.sqrt(322));
  });
});
