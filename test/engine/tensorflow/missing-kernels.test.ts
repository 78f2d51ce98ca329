import tf = require('@tensorflow/tfjs');
import { beforeAll, describe, expect, test } from 'vitest';
import { selectEngine } from '../../../src/engine/select.js';
import { tensorflowPackage } from '../../../src/engine/tensorflow/package.js';
import { expectSame, normal, runOn, weightedGradients, type Computation } from '../compare.js';

type Pad = Parameters<typeof tf.maxPool>[3];
const uneven: Pad = [
  [0, 0],
  [1, 2],
  [0, 3],
  [0, 0],
];

const conv =
  (size: [number, number], strides: number, pad: Pad, rounding?: 'floor' | 'ceil'): Computation =>
  () =>
    weightedGradients(
      (x, filter) => tf.conv2d(x as tf.Tensor4D, filter as tf.Tensor4D, strides, pad, 'NHWC', 1, rounding),
      [normal('x', [2, 9, 8, 3]), normal('filter', [...size, 3, 4])],
    );
const pool =
  (of: typeof tf.maxPool, strides: number, pad: Pad, rounding?: 'floor' | 'ceil'): Computation =>
  () => {
    const x = normal<tf.Rank.R4>('x', [2, 9, 8, 3]);
    const f = (each: tf.Tensor): tf.Tensor => of(each as tf.Tensor4D, 3, strides, pad, rounding);
    return [f(x), ...weightedGradients(f, [x])];
  };

describe.skipIf(tensorflowPackage() === undefined)('what the package for TensorFlow lacks', () => {
  beforeAll(() => selectEngine('tensorflow'));

  test.each<[string, Computation]>([
    ['convolution, stride 2, padding 1', conv([3, 3], 2, 1, 'floor')],
    ['convolution, uneven padding', conv([2, 3], 1, uneven)],
    ['convolution, padding 2, stride 2, rounded up', conv([3, 3], 2, 2, 'ceil')],
    ['maximum pool, stride 2, padding 1', pool(tf.maxPool, 2, 1, 'floor')],
    ['maximum pool, uneven padding', pool(tf.maxPool, 1, uneven)],
    ['maximum pool, padding 0', pool(tf.maxPool, 2, 0, 'floor')],
    [
      'average pool, uneven padding: values alone, as the cpu backend’s gradient counts padding',
      () => {
        const x = normal<tf.Rank.R4>('x', [2, 9, 8, 3]);
        return tf.avgPool(x, 3, 1, uneven);
      },
    ],
  ])('%s: as on the cpu backend', async (_, f) => {
    expectSame(await runOn('tensorflow', f), await runOn('cpu', f), 1e-4);
  });

  test('a gradient of an average pool with padding is that of its values', async () => {
    await tf.setBackend('tensorflow');
    const x = normal<tf.Rank.R4>('x', [1, 4, 5, 2]);
    const f = (each: tf.Tensor): tf.Tensor => tf.avgPool(each as tf.Tensor4D, 3, 2, 1, 'floor');
    // It is linear, so that a step of any size gives its gradient.
    const step = normal<tf.Rank.R4>('step', [1, 4, 5, 2]);
    const weights = normal<tf.Rank.R4>('weights', f(x).shape as [number, number, number, number]);
    const wanted = tf.sum(tf.mul(weights, f(step))).dataSync()[0]!;
    const gradient = tf.grad((each) => tf.sum(tf.mul(weights, f(each))))(x);
    expect(tf.sum(tf.mul(gradient, step)).dataSync()[0]).toBeCloseTo(wanted, 4);
  });

  test('kernels that it has none of run on the host', async () => {
    await tf.setBackend('tensorflow');
    expect(tf.unique(tf.tensor1d([3, 1, 3])).values.arraySync()).toEqual([3, 1]);
    expect(tf.searchSorted([1, 2, 4], [3, 0]).dataSync()).toEqual(Int32Array.of(2, 0));
    expect(tf.scatterND([[1], [3], [1]], [1, 2, 4], [4]).arraySync()).toEqual([0, 5, 0, 2]);
  });
});
