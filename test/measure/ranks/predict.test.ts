import { expect, it } from 'vitest';
import type { BlockCost } from '../../../src/measure/block-costs.js';
import { forecastBlocks, forecastData, naivePipeline } from '../../../src/measure/ranks/predict.js';
import { chooseRankCuts } from '../../../src/measure/ranks/rank-load.js';

/** Of a block: seconds, held, work, features. */
const block = (seconds: number, heldBytes: number, workBytes: number, outBytes: number): BlockCost => ({
  ...{ seconds, heldBytes, workBytes, outBytes },
  ...{ parameterBytes: heldBytes / 2, sentBytes: outBytes === 0 ? 0 : outBytes + 10, followedBytes: 4 },
  lends: false,
});
const costs = [block(2, 10, 100, 1000), block(1, 20, 300, 500), block(1, 40, 200, 200), block(2, 80, 50, 0)];
const links = { ranks: 2, cuts: 'balanced', queue: 2, bytesPerSecond: 255, batchSize: 60 } as const;

it('a rank holds its blocks, what the largest of them needs, and batches on their way on both sides', () => {
  const forecast = forecastBlocks(costs, { ...links, ranks: 3, cuts: [1, 3] });
  expect(forecast.perRank).toEqual([
    expect.objectContaining({
      blocks: [1, 1],
      seconds: 2,
      peakBytes: 10 + 100 + 2 * 1000,
      upBytes: 1010,
      downBytes: 0,
    }),
    expect.objectContaining({
      blocks: [2, 3],
      peakBytes: 60 + 300 + 2 * (1000 + 200),
      upBytes: 210,
      downBytes: 4,
    }),
    expect.objectContaining({
      blocks: [4, 4],
      seconds: 2,
      peakBytes: 80 + 50 + 2 * 200,
      upBytes: 0,
      downBytes: 4,
    }),
  ]);
  expect(forecast.alone).toEqual({ seconds: 6, peakBytes: 150 + 300 });
  // The first link takes 1010 / 255 seconds, more than any rank.
  expect(forecast.limit).toEqual({ rank: 0, by: 'link' });
  expect(forecast.stepSeconds).toBeCloseTo(1010 / 255);
});

it('goes as fast as the slowest rank where links are fast', () => {
  const { stepSeconds, imagesPerSecond, speedUp, limit } = forecastBlocks(costs, {
    ...links,
    bytesPerSecond: 1e9,
  });
  expect([stepSeconds, imagesPerSecond, speedUp, limit]).toEqual([3, 20, 2, { rank: 0, by: 'computing' }]);
});

it('takes in turn what a rank’s last block and the first of the next one need of each other', () => {
  const lent = costs.map((cost, i) => ({ ...cost, lends: i < 3 }));
  const fast = { ...links, ranks: 3, cuts: [1, 2], bytesPerSecond: 1e9 };
  const { stepSeconds, limit, perRank } = forecastBlocks(lent, fast);
  expect([Math.round(stepSeconds), limit.by]).toEqual([3, 'turns']);
  expect(perRank.map(({ turnSeconds }) => Math.round(turnSeconds))).toEqual([3, 2, 0]);
  // Balanced cuts are where these turns are short: after the first of these blocks they would take 5.
  const uneven = [3, 2, 1, 1].map((seconds, i) => ({ ...block(seconds, 1, 1, 1), lends: i < 3 }));
  expect(chooseRankCuts(uneven, 2, 1)).toEqual([2]);
  // A block without an update of its own stays with the next.
  expect(chooseRankCuts([{ ...block(0, 0, 0, 0) }, ...uneven], 4, 1)).toEqual([2, 3, 4]);
});

it('cuts that take at most 5 % longer are chosen where they save memory, others are not', () => {
  // After the first block the features are large.
  const uneven = [block(1, 10, 100, 900), block(0.04, 10, 100, 10), block(0.98, 10, 100, 0)];
  expect(chooseRankCuts(uneven, 2, 1)).toEqual([2]);
  const slow = [block(1, 10, 100, 900), block(0.2, 10, 100, 10), block(0.8, 10, 100, 0)];
  expect(chooseRankCuts(slow, 2, 1)).toEqual([1]);
});

it('data parallel sends gradients around a ring, and holds them twice until they are summed', () => {
  const forecast = forecastData({ seconds: 2, peakBytes: 70 }, { seconds: 6, peakBytes: 90 }, 40, {
    ...links,
    ranks: 4,
  });
  expect(forecast.perRank).toHaveLength(4);
  expect(forecast.perRank[0]).toMatchObject({ upBytes: 60, peakBytes: 70 + 80, linkSeconds: 60 / 255 });
  expect([forecast.stepSeconds, forecast.speedUp]).toEqual([2, 3]);
  const slow = forecastData({ seconds: 2, peakBytes: 70 }, { seconds: 6, peakBytes: 90 }, 4000, links);
  expect(slow.limit.by).toBe('link');
});

it('a naive pipeline of four stages waits three quarters of the time, and its links come on top', () => {
  const fast = naivePipeline(8, [0, 0, 0], links);
  expect([fast.stepSeconds, fast.idle, fast.imagesPerSecond]).toEqual([8, 0.75, 7.5]);
  const slow = naivePipeline(8, [255, 255, 510], links);
  expect(slow.stepSeconds).toBe(8 + 8);
  expect(slow.idle).toBe(1 - 2 / 16);
});
