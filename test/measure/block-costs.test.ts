import tf = require('@tensorflow/tfjs');
import { beforeAll, expect, it } from 'vitest';
import type { Engine } from '../../src/engine/engine.js';
import { buildStrategy } from '../../src/local/build.js';
import { measureBlocks, type BlockCost } from '../../src/measure/block-costs.js';
import { measureStep, usualOptimizer } from '../../src/measure/memory/measure.js';
import { chooseRankCuts, rankLoad } from '../../src/measure/ranks/rank-load.js';
import type { StrategyOptionsInput } from '../../src/local/options.js';
import { disposeNetwork, networkState } from '../../src/networks/network.js';
import { isAbsent } from '../../src/nn/absent.js';
import { withoutMemory } from '../../src/nn/parameters.js';
import { sgd } from '../../src/train/sgd.js';
import { startEngine } from '../support/engine.js';
import { tinyNetwork } from '../support/tiny.js';

let engine: Engine;
beforeAll(async () => {
  engine = await startEngine();
});

function costsOf(options: StrategyOptionsInput, averaged = false): readonly BlockCost[] {
  const before = tf.memory();
  const strategy = withoutMemory(() => buildStrategy(tinyNetwork(), options));
  const setting = { meter: engine.memory, batchSize: 16, optimizer: usualOptimizer, averaged };
  const costs = measureBlocks(strategy, setting);
  const state = networkState(strategy.network);
  expect(state.every(({ variable }) => isAbsent(variable))).toBe(true);
  expect([tf.memory().numTensors, tf.memory().numBytes]).toEqual([before.numTensors, before.numBytes]);
  strategy.dispose();
  disposeNetwork(strategy.network);
  return costs;
}

it('each block holds its parameters and momenta; what it hands on has the size of its features', () => {
  const costs = costsOf({ method: 'auglocal', depth: 1 });
  // A stem and two blocks of 8 × 8 × 16, then 4 × 4 × 32, then 2 × 2 × 64.
  expect(costs.map(({ outBytes }) => outBytes).slice(0, 3)).toEqual([65536, 65536, 65536]);
  for (const [i, { outBytes, sentBytes, seconds, workBytes }] of costs.entries()) {
    const last = i === costs.length - 1;
    expect([outBytes === 0, sentBytes - outBytes]).toEqual([last, last ? 0 : 32]);
    expect(seconds).toBeGreaterThan(0);
    expect(workBytes).toBeGreaterThan(outBytes);
  }
  for (const { parameterBytes, heldBytes } of costs) {
    expect(heldBytes / (2 * parameterBytes)).toBeGreaterThan(1);
    // Running statistics beside them, and what the allocator rounds up.
    expect(heldBytes / (2 * parameterBytes)).toBeLessThan(1.35);
  }
});

it('what all blocks take together is what one process was measured to take', () => {
  const options: StrategyOptionsInput = { method: 'dgl' };
  const { heldBytes, peakBytes } = oneProcess(options);
  const costs = costsOf(options);
  const held = costs.reduce((sum, cost) => sum + cost.heldBytes, 0);
  expect(held / heldBytes).toBeGreaterThan(0.95);
  expect(held / heldBytes).toBeLessThan(1.05);
  const load = rankLoad(costs, { first: 0, end: costs.length }, 2);
  expect(load.peakBytes / peakBytes).toBeGreaterThan(0.95);
  expect(load.peakBytes / peakBytes).toBeLessThan(1.05);
});

it('images and followed values are counted where a method sends them, and averages where they are held', () => {
  const costs = costsOf({ method: 'man', blocks: 3, auxiliary: '1c2f' });
  // 8 × 8 × 3 bytes an image.
  expect(costs[0]!.sentBytes - costs[0]!.outBytes).toBe(16 * (2 + 192));
  expect(costs[0]!.followedBytes).toBeGreaterThan(0);
  expect(costs[2]!.followedBytes).toBe(0);
  const averaged = costsOf({ method: 'man', blocks: 3, auxiliary: '1c2f' }, true);
  expect(averaged[0]!.heldBytes).toBeGreaterThan(costs[0]!.heldBytes + costs[0]!.parameterBytes);
});

it('a block that the next one trains costs that one: its gradient travels up, and the whole of it comes back', () => {
  const costs = costsOf({ method: 'hpff', blocks: 4, auxiliary: '0c1f' });
  // The first has no update of its own, and is in memory with the second.
  expect(costs.map(({ seconds, parameterBytes }) => seconds > 0 && parameterBytes > 0)).toEqual([
    ...[false, true, true, true],
  ]);
  for (const { outBytes, followedBytes } of costs.slice(1, 3)) expect(outBytes).toBe(2 * followedBytes);
  expect(costs[3]!.outBytes).toBe(0);
  expect(chooseRankCuts(costs, 3, 2)).toEqual([2, 3]);
});

it('an optimiser that keeps nothing holds nothing', () => {
  const strategy = withoutMemory(() => buildStrategy(tinyNetwork(), { method: 'dgl' }));
  const plain = () => sgd({ momentum: 0, nesterov: false, weightDecay: 0 });
  const [first] = measureBlocks(strategy, {
    meter: engine.memory,
    batchSize: 4,
    optimizer: plain,
    averaged: false,
  });
  expect(first!.heldBytes).toBeLessThan(1.5 * first!.parameterBytes);
  strategy.dispose();
  disposeNetwork(strategy.network);
});

function oneProcess(options: StrategyOptionsInput): { heldBytes: number; peakBytes: number } {
  const others = engine.memory.current();
  const strategy = buildStrategy(tinyNetwork(), options);
  const { heldBytes, peakBytes } = measureStep(engine.memory, strategy, { batchSize: 16, seed: 1 });
  strategy.dispose();
  disposeNetwork(strategy.network);
  return { heldBytes: heldBytes - others, peakBytes: peakBytes - others };
}
