import tf = require('@tensorflow/tfjs');
import { beforeAll, expect, it } from 'vitest';
import { detach } from '../../src/engine/detached.js';
import { createBatch } from '../../src/local/batch.js';
import type { LocalUpdate } from '../../src/local/update.js';
import { forwardAlone } from '../../src/train/forward-alone.js';
import { runUpdate } from '../../src/train/run-update.js';
import { startEngine } from '../support/engine.js';

beforeAll(async () => void (await startEngine()));

/** Detaches what it would hand on, and fails then, or when its loss's gradient is taken. */
const failing = (when: 'forward' | 'backward', weight: tf.Variable): LocalUpdate => ({
  name: 'block 1',
  variables: [weight],
  forward({ x }) {
    const out = tf.mul(x!, weight);
    const next = { x: detach(out) };
    if (when === 'forward') throw new Error('broken');
    const loss = tf.customGrad((sum) => ({
      value: sum as tf.Tensor,
      gradFunc: () => {
        throw new Error('broken');
      },
    }));
    return { loss: loss(tf.sum(out)) as tf.Scalar, streams: next };
  },
});

it.each(['forward', 'backward'] as const)('an update that fails in its %s pass leaves nothing', (when) => {
  const weight = tf.variable(tf.scalar(2));
  const update = failing(when, weight);
  const images = new Uint8Array(2 * 4 * 4 * 3).fill(9);
  const batchOf = () => createBatch(images, [0, 1], [4, 4, 3], 2, { mean: [0, 0, 0], std: [1, 1, 1] });
  const before = tf.memory();
  expect(() =>
    tf.tidy(() => {
      const batch = batchOf();
      runUpdate(update, { x: detach(batch.images) }, batch);
    }),
  ).toThrow('broken');
  expect(tf.memory().numTensors).toBe(before.numTensors);
  if (when === 'forward') {
    const strategy = { updates: [update] } as unknown as Parameters<typeof forwardAlone>[0];
    expect(() => forwardAlone(strategy, batchOf)).toThrow('broken');
    expect(tf.memory().numTensors).toBe(before.numTensors);
  }
  weight.dispose();
});
