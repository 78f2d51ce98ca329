import { expect, test } from 'vitest';
import { alongBlocks, alongStages, rampedWeight } from '../../../../src/local/axes/loss/ramp.js';
import type { Site } from '../../../../src/local/site.js';

const siteAt = (position: number, blocks: number, stage = 1): Site =>
  ({ position, blocks, unit: { stage } }) as Site;
const own = alongBlocks((site) => site.blocks);

test('along the blocks goes from the first pair to the second, in equal steps', () => {
  const weight = rampedWeight([5, 0.2], own);
  const weights = Array.from({ length: 15 }, (_, i) => weight(siteAt(i, 16)));
  expect(weights[0]).toBe(5);
  expect(weights[14]).toBeCloseTo(0.2, 12);
  expect(weights[7]).toBeCloseTo(2.6, 12);
});

test('of two blocks or fewer stays at the first', () => {
  expect(rampedWeight([5, 0], own)(siteAt(0, 2))).toBe(5);
  expect(rampedWeight([5, 0], alongStages(2))(siteAt(0, 2, 3))).toBe(5);
});

test('along the stages counts with the number of blocks that was asked for', () => {
  const weight = rampedWeight([5, 0], alongStages(16));
  expect([1, 2, 3].map((stage) => weight(siteAt(0, 15, stage)))).toEqual(
    [1, 2, 3].map((s) => 5 * (1 - s / 14)),
  );
  // The published quirk: below 5 blocks it passes the end.
  expect(rampedWeight([5, 0], alongStages(4))(siteAt(0, 4, 3))).toBe(-2.5);
});
