import { afterEach, beforeAll, expect, test } from 'vitest';
import type { Engine } from '../../src/engine/engine.js';
import { buildStrategy } from '../../src/local/build.js';
import type { Strategy } from '../../src/local/strategy.js';
import { disposeNetwork } from '../../src/networks/network.js';
import { resnetCifar } from '../../src/networks/resnet-cifar.js';
import { rateRange, type RangeOptions } from '../../src/study/rate-range.js';
import { rateRangeText } from '../../src/study/rate-range-output.js';
import { builtInOptimizers, trainSchema } from '../../src/train/optimizers.js';
import { tinyNoise } from '../data/helpers.js';
import { startEngine } from '../support/engine.js';

const dataset = tinyNoise();
const settings = trainSchema(builtInOptimizers).parse({
  ...{ epochs: 1, batchSize: 16, learningRate: 0.1, schedule: 'constant', augment: false, workers: 0 },
});

let engine: Engine;
let strategy: Strategy | undefined;
beforeAll(async () => void (engine = await startEngine()));
afterEach(() => {
  strategy?.dispose();
  if (strategy !== undefined) disposeNetwork(strategy.network);
});

function range(options: RangeOptions) {
  strategy = buildStrategy(resnetCifar({ layers: 8, classes: 4, imageShape: [8, 8, 3], seed: 1 }), {
    method: 'auglocal',
    depth: 1,
  });
  return rateRange(strategy, dataset, { ...settings, seed: 1, engine }, builtInOptimizers, options);
}

test('rates rise by one factor, over as many epochs as it takes, and each update has its landmarks', async () => {
  const told: number[] = [];
  const result = await range({ from: 1e-3, to: 0.1, steps: 9, onStep: (done) => told.push(done) });
  expect(told).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9]);
  expect(result.rates).toHaveLength(9);
  expect(result.rates[0]).toBeCloseTo(1e-3, 12);
  expect(result.rates[4]).toBeCloseTo(1e-2, 12);
  expect(result.rates[8]).toBeCloseTo(0.1, 12);
  expect(result.updates.map(({ name }) => name)).toEqual(strategy!.updates.map(({ name }) => name));
  for (const { losses, steepest, least } of result.updates) {
    expect(losses).toHaveLength(9);
    expect(least).toBe(result.rates[losses.indexOf(Math.min(...losses))]);
    if (steepest !== undefined) expect(steepest).toBeLessThan(least);
  }
  const head = result.updates.at(-1)!;
  expect(head.losses.at(-1)).toBeLessThan(head.losses[0]!);
  expect(head.steepest).toBeDefined();
  const lines = rateRangeText(result).split('\n');
  expect(lines[0]).toContain('from 0.0010 to 0.10');
  expect(lines.find((line) => line.startsWith('head'))).toMatch(/ → [\d.]+ +[▁▂▃▄▅▆▇█]{9}$/);
});

test('ends where a loss grows without end', async () => {
  const result = await range({ from: 1e-2, to: 1e9, steps: 60 });
  expect(result.diverged).toBe(true);
  expect(result.rates.length).toBeLessThan(60);
  for (const { losses } of result.updates) expect(losses.every(Number.isFinite)).toBe(true);
});

test('ends with the signal', async () => {
  const stop = new AbortController();
  const onStep = (done: number): void => {
    if (done === 3) stop.abort();
  };
  const result = await range({ from: 1e-3, to: 1, steps: 50, signal: stop.signal, onStep });
  expect(result.rates).toHaveLength(3);
  expect(result.diverged).toBe(false);
});
