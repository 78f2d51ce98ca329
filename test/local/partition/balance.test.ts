import fc from 'fast-check';
import { expect, test } from 'vitest';
import { balancedCuts, type PartitionCosts } from '../../../src/local/partition/balance.js';

/** All ascending choices of `count` of the sites. */
function choices(sites: readonly number[], count: number): number[][] {
  if (count === 0) return [[]];
  return sites.flatMap((site, i) => choices(sites.slice(i + 1), count - 1).map((rest) => [site, ...rest]));
}

function bytesOf({ units, peak, held }: PartitionCosts, cuts: readonly number[]): number {
  const ends = [...cuts, units - 1];
  const starts = [0, ...cuts.map((cut) => cut + 1)];
  const peaks = ends.map((end, i) => peak(starts[i - 1], starts[i]!, end));
  return Math.max(...peaks) + cuts.reduce((sum, cut) => sum + held(cut), 0);
}

/** Any costs at all: each a number drawn for its place. */
const costs: fc.Arbitrary<PartitionCosts> = fc
  .record({
    units: fc.integer({ min: 2, max: 7 }),
    seed: fc.integer(),
    refused: fc.nat({ max: 6 }),
    largestHeld: fc.constantFrom(0, 3, 100),
  })
  .map(({ units, seed, refused, largestHeld }) => {
    const draw = (...place: number[]): number =>
      Math.abs(place.reduce((hash, value) => Math.imul(hash ^ (value + 2), 0x5bd1e995) | 0, seed)) % 50;
    return {
      units,
      sites: Array.from({ length: units - 1 }, (_, i) => i).filter((site) => site !== refused),
      peak: (previous: number | undefined, start: number, end: number) => draw(previous ?? -1, start, end),
      held: (cut: number) => (draw(cut, 99) / 50) * largestHeld,
    };
  });

test('are as good as the best of all partitions', () => {
  fc.assert(
    fc.property(costs, fc.integer({ min: 1, max: 7 }), (given, count) => {
      const all = choices(given.sites, count - 1);
      const found = balancedCuts(given, count);
      if (all.length === 0) {
        expect(found).toBeUndefined();
        return;
      }
      expect(found!.cuts).toHaveLength(count - 1);
      expect(all).toContainEqual(found!.cuts);
      expect(bytesOf(given, found!.cuts)).toBeCloseTo(found!.bytes, 9);
      expect(found!.bytes).toBeCloseTo(Math.min(...all.map((cuts) => bytesOf(given, cuts))), 9);
    }),
    { numRuns: 300 },
  );
});

test('take a moment for a network of 55 units', () => {
  const costs: PartitionCosts = {
    units: 55,
    sites: Array.from({ length: 54 }, (_, i) => i),
    peak: (_, start, end) => (end - start + 1) * 1000 + ((start * 7919 + end * 104729) % 977),
    held: (cut) => (cut * 31) % 17,
  };
  const found = balancedCuts(costs, 16)!;
  const longest = Math.max(...[...found.cuts, 54].map((end, i) => end - (i === 0 ? -1 : found.cuts[i - 1]!)));
  expect(longest).toBe(4);
});
