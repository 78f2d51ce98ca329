import tf = require('@tensorflow/tfjs');
import { beforeAll, describe, expect, test } from 'vitest';
import type { Engine } from '../../src/engine/engine.js';
import { buildStrategy } from '../../src/local/build.js';
import { recomputing } from '../../src/local/strategy.js';
import { torchEngine } from '../support/device.js';
import { hasTorch, startEngine } from '../support/engine.js';
import { sampleOf } from '../support/fuzz.js';
import { tinyBatch, tinyMethods, tinyRun, titleOf } from '../support/tiny.js';

describe.skipIf(!hasTorch)('on torch', () => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await startEngine(torchEngine);
    // What libraries allocate once, for good.
    const run = tinyRun({ method: 'bp' });
    tf.tidy(() => void run.step(tinyBatch()));
    run.dispose();
  });

  test.each(sampleOf(tinyMethods, 7).map((options) => ({ title: titleOf(options), options })))(
    '$title holds as much after step 20 as after step 2',
    ({ options }) => {
      const before = [tf.memory().numTensors, engine.memory.current()];
      const run = tinyRun(options);
      const held: number[][] = [];
      for (let step = 1; step <= 20; step++) {
        tf.tidy(() => {
          run.step(tinyBatch());
        });
        if (step === 2 || step === 20) held.push([tf.memory().numTensors, engine.memory.current()]);
      }
      expect(held[1]).toEqual(held[0]);
      run.dispose();
      expect([tf.memory().numTensors, engine.memory.current()]).toEqual(before);
    },
  );

  const cascades = tinyMethods.filter(({ method }) => method === 'hpff' || method === 'mlaan');
  const others = tinyMethods.filter((options) => !cascades.includes(options));
  const remade = [...cascades, ...sampleOf(others, 4)];
  test.each(remade.map((options) => ({ title: titleOf(options), options })))(
    '$title, its units made again, holds as much after step 6 as after step 2',
    ({ options }) => {
      const run = tinyRun((network) => recomputing(buildStrategy(network, options), 'units'));
      const held: number[][] = [];
      for (let step = 1; step <= 6; step++) {
        tf.tidy(() => void run.step(tinyBatch()));
        held.push([tf.memory().numTensors, engine.memory.current()]);
      }
      expect(held[5]).toEqual(held[1]);
      run.dispose();
    },
  );

  test('a loss that is not a number leaves nothing behind', () => {
    const before = tf.memory().numTensors;
    const run = tinyRun({ method: 'hpff', blocks: 3 });
    const bias = run.strategy.auxiliary.find(
      ({ name }) => name === 'auxiliary.1.classifier.10.bias',
    )!.variable;
    tf.tidy(() => bias.assign(tf.fill(bias.shape, NaN)));
    tf.tidy(() => {
      expect(() => run.step(tinyBatch())).toThrow(/the loss of update 'cascade 1–2' became NaN/);
    });
    run.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });
});
