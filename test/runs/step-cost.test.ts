import { beforeAll, expect, test } from 'vitest';
import { multiplied } from '../../src/engine/multiply-adds.js';
import type { Strategy } from '../../src/local/strategy.js';
import { watchRanksCost, watchStepCost, type StepCostWatch } from '../../src/runs/step-cost.js';
import type { StepCost } from '../../src/local/step-cost.js';
import { startEngine } from '../support/engine.js';
import { tinyRun } from '../support/tiny.js';

let strategy: Strategy;
beforeAll(async () => {
  await startEngine();
  ({ strategy } = tinyRun({ method: 'bp' }));
});

const begin = (watch: StepCostWatch): unknown =>
  watch.event({ type: 'epoch-start', epoch: 1, epochs: 1, steps: 3, learningRate: 0.1 });

/** A step that takes so many multiply-adds. */
function step(watch: StepCostWatch, number: number, images: number, products: number): StepCost | undefined {
  multiplied(undefined, products);
  return watch.event({ type: 'step', epoch: 1, step: number, steps: 3, images, loss: 1 });
}

test('counts until a step has had a whole batch, and no more', () => {
  const watch = watchStepCost(strategy, 4, undefined);
  begin(watch);
  expect(step(watch, 1, 3, 30)).toEqual({ images: 3, network: 0, auxiliary: 30 });
  expect(step(watch, 2, 4, 40)).toEqual({ images: 4, network: 0, auxiliary: 40 });
  expect(step(watch, 3, 4, 50)).toBeUndefined();
  watch.close();
});

test('does not count evaluation, nor again what an earlier process knew', () => {
  const watch = watchStepCost(strategy, 4, undefined);
  begin(watch);
  multiplied(undefined, 1);
  expect(step(watch, 3, 2, 20)?.auxiliary).toBe(21);
  multiplied(undefined, 1000);
  begin(watch);
  expect(step(watch, 1, 4, 40)?.auxiliary).toBe(40);
  watch.close();
  const known = watchStepCost(strategy, 4, { images: 4, network: 1, auxiliary: 0 });
  begin(known);
  expect(step(known, 1, 4, 40)).toBeUndefined();
  known.close();
});

test('adds up what ranks count, images of each share once, and waits for all', () => {
  const rank = { host: 'here', device: 'torch', parameterBytes: 1, bytesPerStep: 1 };
  const use = (first: number, images: number) => ({
    ...{ ...rank, waitSecondsPerStep: 0, peakMemoryBytes: 1, blocks: [first, first] as [number, number] },
    ...(images > 0 && { multiplyAdds: { images, network: 10 * images, auxiliary: images } }),
  });
  const told = (last: number) => ({
    ...{ type: 'ranks' as const, steps: 1 },
    ranks: [use(1, 3), use(2, 3), use(1, 2), use(2, last)],
  });
  const watch = watchRanksCost(undefined);
  expect(watch.event(told(0))).toBeUndefined();
  expect(watch.event(told(2))).toEqual({ images: 5, network: 100, auxiliary: 10 });
  expect(watch.event(told(2))).toBeUndefined();
});
