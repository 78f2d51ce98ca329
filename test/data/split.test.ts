import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { FileSplit } from '../../src/data/dataset.js';
import { packPaths, pathAt } from '../../src/data/files/path-list.js';
import { UserError } from '../../src/core/errors.js';
import { inPhase } from '../../src/engine/out-of-memory.js';
import { holdOut, sharedBytes, sharedFloats, sharedLabels, stratifiedSubset } from '../../src/data/split.js';
import { randomStream } from '../../src/core/random.js';
import { inMemory, noiseSplit } from './helpers.js';

test.each([
  ['bytes', sharedBytes, 1],
  ['floats', sharedFloats, 4],
  ['labels', sharedLabels, 2],
] as const)('shared %s that there is no room for are out of memory, with how many', (_, make, size) => {
  const made = (): unknown => inPhase('here', 'take less', () => make(1e15));
  expect(made).toThrow(new UserError(`here: out of memory: ${size * 1e15} bytes asked for; take less`));
});

describe('a stratified selection', () => {
  const split = noiseSplit(1000, 4);
  const select = (count: number, seed = 1): ReturnType<typeof stratifiedSubset> =>
    stratifiedSubset(split, 10, count, randomStream(seed, 'select'));
  const indices = (count: number, seed?: number): number[] => {
    const { images, size } = inMemory(select(count, seed));
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

describe('a held-out share', () => {
  const count = (labels: Uint16Array, classes: number): number[] =>
    Array.from({ length: classes }, (_, label) => labels.filter((of) => of === label).length);

  test('is that share of every class, and with the rest is the whole split, in order', () => {
    fc.assert(
      fc.property(
        fc.array(fc.nat(5), { minLength: 1, maxLength: 300 }),
        fc.double({ min: 0.001, max: 0.999, noNaN: true }),
        fc.nat(),
        (labels, share, seed) => {
          const split = noiseSplit(labels.length, 4);
          split.labels.set(labels);
          const { kept, heldOut } = holdOut(split, 6, share, randomStream(seed));
          const indices = [kept, heldOut].map((part) => {
            const { images, size } = inMemory(part);
            return Array.from({ length: size }, (_, i) => images[4 * i]! + 256 * images[4 * i + 1]!);
          });
          expect([...indices[0]!, ...indices[1]!].sort((a, b) => a - b)).toEqual([...labels.keys()]);
          for (const [part, chosen] of [kept, heldOut].map((each, i) => [each, indices[i]!] as const)) {
            expect(chosen).toEqual([...chosen].sort((a, b) => a - b));
            expect([...part.labels]).toEqual(chosen.map((index) => labels[index]));
          }
          const all = count(split.labels, 6);
          count(heldOut.labels, 6).forEach((held, label) => {
            const size = all[label]!;
            if (size < 2) expect(held).toBe(0);
            else {
              expect(held).toBeGreaterThanOrEqual(1);
              expect(held).toBeLessThan(size);
              expect(Math.abs(held - share * size)).toBeLessThanOrEqual(1);
            }
          });
        },
      ),
      { numRuns: 100 },
    );
  });

  test('is the same for a seed, part of a larger one, and another for another seed', () => {
    const split = noiseSplit(1000, 4);
    const held = (share: number, seed = 1): Set<number> => {
      const { images, size } = inMemory(holdOut(split, 10, share, randomStream(seed)).heldOut);
      return new Set(Array.from({ length: size }, (_, i) => images[4 * i]! + 256 * images[4 * i + 1]!));
    };
    expect(held(0.1)).toEqual(held(0.1));
    expect(held(0.1).size).toBe(100);
    const larger = held(0.2);
    expect([...held(0.1)].filter((index) => !larger.has(index))).toEqual([]);
    expect(held(0.1, 2)).not.toEqual(held(0.1));
  });

  test('works on paths as on images', () => {
    const names = Array.from({ length: 200 }, (_, i) => `${'ü'.repeat(i % 5)}${i}.jpg`);
    const labels = sharedLabels(200);
    labels.forEach((_, i) => (labels[i] = i % 3));
    const split: FileSplit = { kind: 'files', size: 200, paths: packPaths(names), labels };
    const listed = (part: FileSplit): string[] =>
      Array.from({ length: part.size }, (_, i) => pathAt(part.paths, i));
    const { kept, heldOut } = holdOut(split, 3, 0.25, randomStream(3)) as {
      kept: FileSplit;
      heldOut: FileSplit;
    };
    expect([...listed(kept), ...listed(heldOut)].sort()).toEqual([...names].sort());
    expect(heldOut.size).toBe(17 + 17 + 17);
    expect(listed(heldOut).map((name) => names.indexOf(name) % 3)).toEqual([...heldOut.labels]);
    expect(heldOut.paths.bytes.buffer).toBeInstanceOf(SharedArrayBuffer);
    const subset = stratifiedSubset(split, 3, 9, randomStream(3)) as FileSplit;
    expect(listed(subset).map((name) => names.indexOf(name) % 3)).toEqual([0, 1, 2, 0, 1, 2, 0, 1, 2]);
  });
});
