import tf = require('@tensorflow/tfjs');
import { beforeAll, describe, expect, test } from 'vitest';
import { startWasm } from '../../../src/engine/wasm/backend.js';
import { expectSame, normal, runOn, uniform, weightedGradients, type Computation } from '../compare.js';

type Pad = Parameters<typeof tf.conv2d>[3];

beforeAll(async () => {
  tf.enableProdMode();
  await startWasm();
});

const conv =
  (size: [number, number], strides: number | [number, number], pad: Pad, channels = 3): Computation =>
  () =>
    weightedGradients(
      (x, filter) =>
        tf.conv2d(
          x as tf.Tensor4D,
          filter as tf.Tensor4D,
          strides,
          pad,
          'NHWC',
          1,
          typeof pad === 'number' ? 'floor' : undefined,
        ),
      [normal('x', [2, 9, 8, channels]), normal('filter', [...size, channels, 4])],
    );

describe('gradients of convolutions', () => {
  const uneven: Pad = [
    [0, 0],
    [1, 2],
    [0, 3],
    [0, 0],
  ];
  test.each<[string, Computation]>([
    ['3×3, same', conv([3, 3], 1, 'same')],
    ['3×3, stride 2, same', conv([3, 3], 2, 'same')],
    ['3×3, stride 2, valid: the last column is not read', conv([3, 3], 2, 'valid')],
    ['3×3, stride 2, padding 1', conv([3, 3], 2, 1)],
    ['3×3, stride 3 and 1', conv([3, 3], [3, 1], 'valid')],
    ['2×3, uneven padding', conv([2, 3], 1, uneven)],
    ['1×1', conv([1, 1], 1, 'valid')],
    ['1×1, stride 2', conv([1, 1], 2, 'valid')],
    ['1×1, padding 1, more than the filter', conv([1, 1], 1, 1)],
    ['as large as the image', conv([9, 8], 1, 'valid')],
    ['of one channel', conv([3, 3], 1, 'same', 1)],
  ])('%s', async (_, f) => {
    expectSame(await runOn('wasm', f), await runOn('cpu', f), 1e-4);
  });

  test('NCHW is refused, as in the forward pass', async () => {
    await tf.setBackend('wasm');
    const attrs = {
      strides: 1,
      pad: 'valid',
      dataFormat: 'NCHW',
      filterShape: [1, 1, 1, 1],
      dimRoundingMode: undefined,
    };
    expect(() =>
      tf.tidy(() =>
        tf
          .engine()
          .runKernel(
            'Conv2DBackpropFilter',
            { x: tf.ones([1, 1, 2, 2]), dy: tf.ones([1, 1, 2, 2]) },
            attrs as never,
          ),
      ),
    ).toThrow(/only NHWC/);
  });
});

describe('what training a network needs', () => {
  const image = (): tf.Tensor => normal('image', [2, 6, 6, 2]);
  const gradient =
    (f: (...inputs: tf.Tensor[]) => tf.Tensor, ...inputs: (() => tf.Tensor)[]): Computation =>
    () =>
      weightedGradients(
        f,
        inputs.map((make) => make()),
      );

  test.each<[string, Computation]>([
    ['average pool', gradient((x) => tf.avgPool(x as tf.Tensor4D, 2, 2, 'valid'), image)],
    ['max pool', gradient((x) => tf.maxPool(x as tf.Tensor4D, 2, 2, 'valid'), image)],
    [
      'bilinear, corners aligned',
      gradient(
        (x) => tf.image.resizeBilinear(x as tf.Tensor4D, [11, 11], true),
        () => normal('one', [1, 6, 6, 2]),
      ),
    ],
    [
      'log-softmax',
      gradient(
        (x) => tf.logSoftmax(x),
        () => normal('logits', [4, 5]),
      ),
    ],
    [
      'sigmoid, relu, log1p, abs, sqrt',
      gradient(
        (x) => tf.add(tf.mul(tf.sigmoid(x), tf.relu(x)), tf.log1p(tf.sqrt(tf.abs(x)))),
        () => normal('x', [3, 4]),
      ),
    ],
    [
      'softplus, exp and clip',
      gradient(
        (x) => tf.add(tf.softplus(x), tf.clipByValue(tf.exp(x), 0.1, 2)),
        () => normal('x', [3, 4]),
      ),
    ],
    [
      'moments',
      gradient((x) => {
        const { mean, variance } = tf.moments(x, [0, 1, 2]);
        return tf.mul(tf.sub(x, mean), tf.rsqrt(tf.add(variance, 1e-3)));
      }, image),
    ],
    [
      'batch norm',
      gradient(
        // TensorFlow.js has no gradient without a scale.
        (x, mean, variance, offset, scale) =>
          tf.batchNorm4d(
            x as tf.Tensor4D,
            mean as tf.Tensor1D,
            variance as tf.Tensor1D,
            offset as tf.Tensor1D,
            scale as tf.Tensor1D,
          ),
        image,
        () => normal('mean', [2]),
        () => uniform('variance', [2], 0.5, 2),
        () => normal('offset', [2]),
        () => normal('scale', [2]),
      ),
    ],
    [
      'L2 norm of rows',
      gradient(
        (x) => tf.div(x, tf.add(tf.norm(x, 2, 1, true), 1e-8)),
        () => normal('x', [3, 4]),
      ),
    ],
    [
      'matMul',
      gradient(
        (a, b) => tf.matMul(a, b, false, true),
        () => normal('a', [3, 4]),
        () => normal('b', [5, 4]),
      ),
    ],
    [
      'gather',
      gradient(
        (x) => tf.gather(x, tf.tensor1d([2, 0, 2], 'int32')),
        () => normal('x', [4, 3]),
      ),
    ],
    [
      'concat, slice and pad',
      gradient(
        (a, b) =>
          tf.pad(tf.slice(tf.concat([a, b], 1), [0, 1], [2, 4]), [
            [1, 0],
            [0, 2],
          ]),
        () => normal('a', [2, 3]),
        () => normal('b', [2, 3]),
      ),
    ],
    [
      'mean and squared difference',
      gradient(
        (a, b) => tf.mean(tf.squaredDifference(a, b), 0),
        () => normal('a', [3, 4]),
        () => normal('b', [3, 4]),
      ),
    ],
  ])('%s', async (_, f) => {
    expectSame(await runOn('wasm', f), await runOn('cpu', f), 1e-4);
  });

  test('segments, with ids that are out of range', async () => {
    const f = (): tf.Tensor =>
      tf.unsortedSegmentSum(normal('x', [5, 2, 2]), tf.tensor1d([0, 2, 0, 7, -1], 'int32'), 3);
    expectSame(await runOn('wasm', f), await runOn('cpu', f), 1e-5);
  });

  test('a small network learns, and leaks nothing', async () => {
    await startWasm();
    const x = normal<tf.Rank.R4>('images', [16, 8, 8, 1]);
    const labels = tf.tidy(() =>
      tf.cast(tf.greater(tf.mean(tf.slice(x, [0, 0, 0, 0], [16, 8, 4, 1]), [1, 2, 3]), 0), 'float32'),
    );
    const filter = tf.variable(normal<tf.Rank.R4>('filter', [3, 3, 1, 4]));
    const weight = tf.variable(normal<tf.Rank.R2>('weight', [8 * 8 * 4, 1]));
    const optimizer = tf.train.adam(0.01);
    const step = (): number => {
      const loss = optimizer.minimize(
        () => {
          const features = tf.relu(tf.conv2d(x, filter, 1, 'same'));
          const logits = tf.reshape(tf.matMul(tf.reshape<tf.Rank.R2>(features, [16, -1]), weight), [16]);
          return tf.losses.sigmoidCrossEntropy(labels, logits);
        },
        true,
        [filter, weight],
      )!;
      const value = loss.dataSync()[0]!;
      loss.dispose();
      return value;
    };
    const first = step();
    const { numTensors, numBytes } = tf.memory();
    let last = first;
    for (let i = 0; i < 15; i++) last = step();
    expect(last).toBeLessThan(first / 2);
    expect(tf.memory()).toMatchObject({ numTensors, numBytes });
    optimizer.dispose();
    tf.dispose([x, labels, filter, weight]);
  });
});

test('what is no number stays none in sums, means and batch normalisation', () => {
  tf.tidy(() => {
    const values = new Float32Array(2 * 4 * 4 * 3).fill(1);
    values[20] = NaN; // Of channel 2.
    const x = tf.tensor4d(values, [2, 4, 4, 3]);
    const finite = (tensor: tf.Tensor): boolean[] => [...tensor.dataSync()].map(Number.isFinite);
    expect(finite(tf.sum(x, [0, 1, 2]))).toEqual([true, true, false]);
    expect(finite(tf.mean(x, [0, 1, 2]))).toEqual([true, true, false]);
    expect(finite(tf.mean(x, [1, 2]))).toEqual([true, true, false, true, true, true]);
    const { mean, variance } = tf.moments(x, [0, 1, 2]);
    expect(finite(mean)).toEqual([true, true, false]);
    expect(finite(variance)).toEqual([true, true, false]);
    const y = tf.batchNorm4d(x, mean as tf.Tensor1D, variance as tf.Tensor1D);
    const channels = finite(y).map((each, i) => [i % 3, each] as const);
    for (const [channel, isFinite] of channels) expect(isFinite).toBe(channel !== 2);
    const infinite = tf.tensor1d([Infinity, 1, 2]);
    expect(finite(tf.sum(tf.mul(tf.ones([2, 4, 4, 3]), infinite), [0, 1, 2]))).toEqual([false, true, true]);
  });
});
