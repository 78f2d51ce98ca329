import tf = require('@tensorflow/tfjs');
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Engine } from '../../../src/engine/engine.js';
import { measureStep } from '../../../src/measure/memory/measure.js';
import { buildStrategy } from '../../../src/local/build.js';
import { disposeNetwork, type Network } from '../../../src/networks/network.js';
import { adamw } from '../../../src/train/adamw.js';
import { papersSgd, sgd } from '../../../src/train/sgd.js';
import { planSteps, trainStep } from '../../../src/train/step.js';
import { hasTorch, startEngine } from '../../support/engine.js';
import { sampleOf } from '../../support/fuzz.js';
import { tinyBatch, tinyMethods, tinyNetwork, titleOf } from '../../support/tiny.js';

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

/** The allocator rounds each tensor up to 64 bytes. */
const rounding = 64;

describe.skipIf(!hasTorch)('a measured step', () => {
  let engine: Engine;
  let network: Network;
  beforeAll(async () => {
    engine = await startEngine('torch');
    network = tinyNetwork();
  });
  afterAll(() => disposeNetwork(network));

  test.each(sampleOf(tinyMethods, 4).map((options) => ({ title: titleOf(options), options })))(
    'of $title adds up',
    ({ options }) => {
      const strategy = buildStrategy(network, options);
      const step = measureStep(engine.memory, strategy, { batchSize: 8, seed: 1 });
      const stepped = new Set(strategy.updates.flatMap(({ variables }) => variables));
      strategy.dispose();
      expect(step.updates.map(({ name }) => name)).toEqual(strategy.updates.map(({ name }) => name));
      expect(step.peakBytes).toBe(Math.max(...step.updates.map(({ peakBytes }) => peakBytes)));
      for (const update of step.updates) {
        expect(update.activationBytes).toBeGreaterThan(0);
        expect(update.startBytes).toBeGreaterThanOrEqual(step.heldBytes);
        expect(update.peakBytes).toBeGreaterThanOrEqual(update.startBytes + update.activationBytes);
        expect(update.startBytes).toBeGreaterThan(update.parameterBytes + update.optimizerBytes);
      }
      // A momentum for each trained parameter, once, and for nothing else.
      const momenta = sum(step.updates.map(({ optimizerBytes }) => optimizerBytes));
      const trained = sum([...stepped].map(({ size }) => 4 * size));
      expect(momenta).toBeGreaterThanOrEqual(trained);
      expect(momenta).toBeLessThanOrEqual(trained + rounding * stepped.size);
    },
  );

  test('holds no images but in the update that reads them, and of micro-batches the activations of one', () => {
    const size = 256;
    const images = 4 * size * 8 * 8 * 3;
    const strategy = buildStrategy(network, { method: 'custom', blocks: 3, auxiliary: 'pooled' });
    const shape = { batchSize: size, seed: 1 };
    const whole = measureStep(engine.memory, strategy, shape);
    const micro = measureStep(engine.memory, strategy, { ...shape, microBatch: size / 8 });
    const none = measureStep(engine.memory, strategy, { ...shape, batchSize: 2 });
    strategy.dispose();
    // Beside parameters and their state there are the labels alone.
    expect(whole.heldBytes - none.heldBytes).toBeLessThan(images / 8);
    expect(whole.updates[0]!.startBytes - whole.heldBytes).toBe(images);
    const [first, later] = [micro.updates[0]!, micro.updates[1]!];
    expect(first.activationBytes).toBeLessThan(whole.updates[0]!.activationBytes / 6);
    expect(micro.peakBytes - micro.heldBytes).toBeLessThan(0.65 * (whole.peakBytes - whole.heldBytes));
    // What all micro-batches hand on is there while each of them is run.
    expect(later.startBytes - micro.heldBytes).toBeGreaterThan(4 * (size - 8) * 8 * 8 * 16);
  });

  test('holds averages of the weights where there are any, and AdamW’s two tensors', () => {
    const strategy = buildStrategy(network, { method: 'auglocal', depth: 1 });
    const shape = { batchSize: 8, seed: 1 };
    const own = { betas: [0.9, 0.999], epsilon: 1e-8, weightDecay: 0 } as const;
    const plain = measureStep(engine.memory, strategy, shape);
    const averaged = measureStep(engine.memory, strategy, { ...shape, averaged: true });
    const adam = measureStep(engine.memory, strategy, { ...shape, optimizer: () => adamw(own) });
    const stepped = new Set(strategy.updates.flatMap(({ variables }) => variables));
    strategy.dispose();
    const trained = sum([...stepped].map(({ size }) => 4 * size));
    for (const more of [averaged, adam]) {
      expect(more.heldBytes - plain.heldBytes).toBeGreaterThanOrEqual(trained);
      expect(more.heldBytes - plain.heldBytes).toBeLessThan(1.1 * trained + rounding * stepped.size);
    }
  });

  test('takes as much as training says', () => {
    const strategy = buildStrategy(network, { method: 'infopro', blocks: 3 });
    const optimizer = sgd(papersSgd);
    let trained: readonly number[] = [];
    for (let step = 0; step < 2; step++) {
      tf.tidy(() => {
        const plan = planSteps(strategy.updates);
        trained = trainStep(strategy, plan, optimizer, 0.05, tinyBatch(), engine.memory).peakBytes;
      });
    }
    optimizer.dispose();
    const measured = measureStep(engine.memory, strategy, { batchSize: 8, seed: 1 });
    strategy.dispose();
    expect(measured.updates.map(({ peakBytes }) => peakBytes)).toEqual(trained);
  });

  test('changes no parameter, and holds nothing afterwards', () => {
    const weights = (): Float32Array[] =>
      network.units.flatMap(({ layer }) =>
        layer.parameters.map(({ variable }) => variable.dataSync<'float32'>()),
      );
    const before = [tf.memory().numTensors, engine.memory.current()];
    const values = weights();
    const strategy = buildStrategy(network, { method: 'hpff', blocks: 4 });
    measureStep(engine.memory, strategy, { batchSize: 8, seed: 1 });
    strategy.dispose();
    expect(weights()).toEqual(values);
    expect([tf.memory().numTensors, engine.memory.current()]).toEqual(before);
  });

  test('has no optimiser state for a momentum net', () => {
    const strategy = buildStrategy(network, { method: 'man', blocks: 3 });
    const step = measureStep(engine.memory, strategy, { batchSize: 8, seed: 1 });
    const momentum = strategy.auxiliary.filter(({ name }) => name.includes('.momentum.'));
    const stepped = new Set(strategy.updates.flatMap(({ variables }) => variables));
    strategy.dispose();
    expect(momentum.length).toBeGreaterThan(0);
    expect(momentum.some(({ variable }) => stepped.has(variable))).toBe(false);
    const untrained = sum(momentum.map(({ variable }) => 4 * variable.size));
    const states = sum(step.updates.map(({ optimizerBytes }) => optimizerBytes));
    const trained = sum([...stepped].map(({ size }) => 4 * size));
    expect(states - trained).toBeLessThan(untrained);
  });
});
