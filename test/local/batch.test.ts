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

it('normalises to the bits of float32 operations one after another, and back', () => {
  const bytes = Uint8Array.from({ length: 768 }, (_, i) => Math.floor(i / 3));
  const [mean, std] = [
    [0.4914, 0.4822, 0.4465],
    [0.2023, 0.1994, 0.201],
  ];
  tf.tidy(() => {
    const batch = createBatch(bytes, [0], [16, 16, 3], 2, { mean, std });
    const stored = tf.tensor4d(Float32Array.from(bytes), [1, 16, 16, 3]);
    const normalised = tf.div<tf.Tensor>(tf.sub(tf.div(stored, 255), mean), std);
    expect(batch.images.dataSync()).toEqual(normalised.dataSync());
    expect(batch.pixels().dataSync()).toEqual(tf.add<tf.Tensor>(tf.mul(normalised, std), mean).dataSync());
  });
});

it('takes one mean and deviation for all channels, and refuses another number of them', () => {
  tf.tidy(() => {
    const take = (mean: number[], std: number[]) =>
      createBatch(Uint8Array.of(0, 255), [0], [1, 1, 2], 2, { mean, std });
    expect([...take([0.5], [0.25]).images.dataSync()]).toEqual([-2, 2]);
    expect(() => take([0, 0, 0], [1])).toThrow(
      'createBatch: normalization.mean: expected a number, or one for each of 2 channels, found 3',
    );
  });
});

it('normalises by what a normalisation says when the batch is made', () => {
  tf.tidy(() => {
    const normalization = { mean: [0.5], std: [0.25] };
    const imagesOf = () => [
      ...createBatch(Uint8Array.of(0, 255), [0], [1, 2, 1], 2, normalization).images.dataSync(),
    ];
    expect(imagesOf()).toEqual([-2, 2]);
    normalization.mean[0] = 0;
    normalization.std = [1];
    expect(imagesOf()).toEqual([0, 1]);
  });
});
