import tf = require('@tensorflow/tfjs');
import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { centredKernel, similaritySums } from '../../src/study/cka.js';
import { randomStream } from '../../src/core/random.js';
import { startEngine } from '../support/engine.js';
import { dot, sum } from '../support/numeric.js';

beforeAll(async () => void (await startEngine()));

type Rows = readonly (readonly number[])[];

/** CKA of batches of features, as the program computes it. */
function similarity(batchesA: readonly Rows[], batchesB: readonly Rows[]): number | null {
  const sums = similaritySums(1, 1);
  tf.tidy(() => {
    batchesA.forEach((a, i) => {
      const kernel = (rows: Rows): tf.Tensor1D => centredKernel(tf.tensor2d(rows.map((row) => [...row])));
      sums.add([kernel(a)], [kernel(batchesB[i]!)]);
    });
  });
  return sums.similarity()[0]![0]!;
}

/** The same by the formulas of Nguyen et al. 2021, Eqs. 2 and 3, in double precision. */
function expectedSimilarity(batchesA: readonly Rows[], batchesB: readonly Rows[]): number {
  const kernelOf = (rows: Rows): number[][] =>
    rows.map((a, i) => rows.map((b, j) => (i === j ? 0 : dot(a, b))));
  const hsic = (x: Rows, y: Rows): number => {
    const [k, l] = [kernelOf(x), kernelOf(y)];
    const n = x.length;
    const trace = sum(
      k.map((row, i) =>
        dot(
          row,
          l.map((other) => other[i]!),
        ),
      ),
    );
    const [rowsK, rowsL] = [k.map(sum), l.map(sum)];
    return (
      (trace + (sum(rowsK) * sum(rowsL)) / ((n - 1) * (n - 2)) - (2 / (n - 2)) * dot(rowsK, rowsL)) /
      (n * (n - 3))
    );
  };
  const total = (a: readonly Rows[], b: readonly Rows[]): number =>
    sum(a.map((rows, i) => hsic(rows, b[i]!)));
  return total(batchesA, batchesB) / Math.sqrt(total(batchesA, batchesA) * total(batchesB, batchesB));
}

/** Features of images that two networks see: b depends on a as far as `share` says. */
function batches(seed: number, images: number, width: number, other: number, share: number) {
  const random = randomStream(seed, 'cka');
  const draw = (n: number, m: number): number[][] =>
    Array.from({ length: n }, () => Array.from({ length: m }, () => random.normal()));
  const mix = draw(width, other);
  const all = [1, 2].map(() => {
    const a = draw(images, width);
    const noise = draw(images, other);
    const b = a.map((row, i) =>
      mix[0]!.map(
        (_, j) =>
          share *
            dot(
              row,
              mix.map((each) => each[j]!),
            ) +
          (1 - share) * noise[i]![j]!,
      ),
    );
    return { a, b };
  });
  return { a: all.map(({ a }) => a), b: all.map(({ b }) => b) };
}

const cases = fc.record({
  seed: fc.nat(1000),
  images: fc.integer({ min: 8, max: 20 }),
  width: fc.integer({ min: 1, max: 12 }),
  other: fc.integer({ min: 1, max: 12 }),
  share: fc.double({ min: 0, max: 1, noNaN: true }),
});
const runs = { numRuns: 25 };
const map = (all: readonly Rows[], f: (row: readonly number[]) => number[]): Rows[] =>
  all.map((rows) => rows.map(f));

describe('linear CKA', () => {
  test('is that of its definition in double precision, also far from 0', () => {
    fc.assert(
      fc.property(cases, fc.integer({ min: 0, max: 30 }), (options, offset) => {
        const { a, b } = batches(options.seed, options.images, options.width, options.other, options.share);
        const moved = map(a, (row) => row.map((x) => x + offset));
        expect(Math.abs(similarity(moved, b)! - expectedSimilarity(a, b))).toBeLessThan(2e-4);
      }),
      runs,
    );
  });

  test('is 1 of a network with itself, the same both ways, and blind to rotation and scale', () => {
    fc.assert(
      fc.property(cases, fc.double({ min: 0.01, max: 100, noNaN: true }), (options, scale) => {
        const { a, b } = batches(options.seed, options.images, options.width, options.other, options.share);
        expect(similarity(a, a)).toBeCloseTo(1, 5);
        const found = similarity(a, b)!;
        expect(Math.abs(similarity(b, a)! - found)).toBeLessThan(1e-5);
        expect(found).toBeLessThan(1 + 1e-5);
        const random = randomStream(options.seed, 'mirror');
        const axis = a[0]![0]!.map(() => random.normal());
        // Householder's reflection, turned by reversing the axes, and scaled.
        const turned = map(a, (row) =>
          row.map((x, i) => scale * (x - (2 * dot(row, axis) * axis[i]!) / dot(axis, axis))).toReversed(),
        );
        expect(Math.abs(similarity(turned, b)! - found)).toBeLessThan(2e-4);
      }),
      runs,
    );
  });

  test('is near 0 of features that have nothing to do with each other, and null of such as do not vary', () => {
    const { a, b } = batches(1, 200, 4, 4, 0);
    expect(Math.abs(similarity(a, b)!)).toBeLessThan(0.05);
    expect(
      similarity(
        a,
        map(b, () => [0, 0]),
      ),
    ).toBeNull();
    expect(
      similarity(
        a,
        map(b, () => [0.1, -37.3]),
      ),
    ).toBeNull();
  });

  test('shows features that are not numbers', () => {
    const { a, b } = batches(1, 8, 2, 2, 1);
    expect(
      similarity(
        a,
        map(b, (row) => row.map(() => NaN)),
      ),
    ).toBeNaN();
  });
});
