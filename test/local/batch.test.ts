import tf = require('@tensorflow/tfjs');
import { expect, it } from 'vitest';
import { createBatch } from '../../src/local/batch.js';
import { startEngine } from '../support/engine.js';

await startEngine('cpu');

it('makes nothing outside of a tidy scope but what the caller can free', () => {
  const before = tf.memory().numTensors;
  const normalization = { mean: [0.5], std: [0.25] };
  const batch = createBatch(new Uint8Array([0, 255]), [0, 1], [1, 1, 1], 2, normalization);
  const { images } = batch;
  const pixels = batch.pixels();
  expect([...images.dataSync(), ...pixels.dataSync()]).toEqual([-2, 2, 0, 1]);
  expect(tf.memory().numTensors - before).toBe(3);
  tf.dispose([batch.labels, images, pixels]);
  expect(tf.memory().numTensors).toBe(before);
});
