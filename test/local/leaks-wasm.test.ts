import tf = require('@tensorflow/tfjs');
import { beforeAll, expect, test } from 'vitest';
import { startEngine } from '../support/engine.js';
import { tinyBatch, tinyNetwork, tinyRun } from '../support/tiny.js';

beforeAll(async () => {
  await startEngine('wasm');
});

test.each([{ method: 'hpff', blocks: 3 }, { method: 'predsim' }, { method: 'dgl' }] as const)(
  '$method holds as many tensors after step 20 as after step 2, on wasm',
  (options) => {
    const before = tf.memory().numTensors;
    const run = tinyRun(options, tinyNetwork(8));
    const held: number[] = [];
    for (let step = 1; step <= 20; step++) {
      tf.tidy(() => {
        run.step(tinyBatch());
      });
      if (step === 2 || step === 20) held.push(tf.memory().numTensors);
    }
    expect(held[1]).toBe(held[0]);
    run.dispose();
    expect(tf.memory().numTensors).toBe(before);
  },
);
