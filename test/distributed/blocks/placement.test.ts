import { expect, test } from 'vitest';
import { UserError } from '../../../src/core/errors.js';
import { balancedRankCuts, placeBlocks } from '../../../src/distributed/blocks/placement.js';

test('cuts name the last block of each rank but the last', () => {
  expect(placeBlocks(7, [2, 3])).toEqual([
    { first: 0, end: 2 },
    { first: 2, end: 3 },
    { first: 3, end: 7 },
  ]);
  expect(placeBlocks(1, [])).toEqual([{ first: 0, end: 1 }]);
});

test.each([[[0]], [[3, 3]], [[4, 2]], [[7]], [[1.5]]])('cuts %j of seven blocks are refused', (cuts) => {
  expect(() => placeBlocks(7, cuts)).toThrow(UserError);
});

test('the longest rank is as short as it can be', () => {
  expect(balancedRankCuts([1, 1, 1, 1], 2)).toEqual([2]);
  expect(balancedRankCuts([5, 1, 1, 1, 1, 1], 2)).toEqual([1]);
  expect(balancedRankCuts([1, 1, 1, 5, 1], 3)).toEqual([3, 4]);
  expect(balancedRankCuts([1, 2, 3], 3)).toEqual([1, 2]);
  expect(balancedRankCuts([3, 4], 1)).toEqual([]);
});

/** Every way to cut so many blocks. */
function ways(blocks: number, ranks: number, from = 1): number[][] {
  if (ranks === 1) return [[]];
  return Array.from({ length: blocks - from }, (_, i) => from + i).flatMap((cut) =>
    ways(blocks, ranks - 1, cut + 1).map((rest) => [cut, ...rest]),
  );
}

test('no way to cut is better', () => {
  const costs = [3, 1, 4, 1, 5, 9, 2, 6, 5];
  const longest = (cuts: readonly number[]): number =>
    Math.max(
      ...placeBlocks(costs.length, cuts).map(({ first, end }) =>
        costs.slice(first, end).reduce((sum, cost) => sum + cost, 0),
      ),
    );
  for (const ranks of [2, 3, 4]) {
    const best = Math.min(...ways(costs.length, ranks).map(longest));
    expect(longest(balancedRankCuts(costs, ranks))).toBe(best);
  }
});

test('fewer blocks than ranks are refused', () => {
  expect(() => balancedRankCuts([1], 2)).toThrow(/1 block cannot be divided among 2 ranks/);
});
