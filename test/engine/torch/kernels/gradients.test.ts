import tf = require('@tensorflow/tfjs');
import { beforeAll, describe, expect, test } from 'vitest';
import { startTorch } from '../../../support/device.js';
import { expectSame, hasTorch, normal, runOn, uniform, weightedGradients } from '../../compare.js';

type Pad = Parameters<typeof tf.conv2d>[3];
interface Case {
  readonly inputs: () => tf.Tensor[];
  readonly f: (...inputs: tf.Tensor[]) => tf.Tensor;
  /** False where the cpu backend's own gradient is wrong, or it has none. */
  readonly likeCpu?: boolean;
}

const image = (channels = 2): tf.Tensor => normal('image', [2, 5, 6, channels]);
const explicit: Pad = [
  [0, 0],
  [1, 2],
  [2, 0],
  [0, 0],
];

const conv = (size: number, strides: number, pad: Pad): Case => ({
  inputs: () => [image(), normal('filter', [size, size, 2, 3])],
  f: (x, filter) =>
    tf.conv2d(
      x as tf.Tensor4D,
      filter as tf.Tensor4D,
      strides,
      pad,
      'NHWC',
      1,
      typeof pad === 'number' ? 'floor' : undefined,
    ),
});

const depthwise = (strides: number, pad: 'same' | 'valid'): Case => ({
  inputs: () => [image(), normal('filter', [3, 3, 2, 2])],
  f: (x, filter) => tf.depthwiseConv2d(x as tf.Tensor4D, filter as tf.Tensor4D, strides, pad),
});

// Far apart, so that a small step changes no maximum.
const distinct = (): tf.Tensor =>
  tf.tensor(
    Float32Array.from({ length: 120 }, (_, i) => ((i * 53) % 120) / 10),
    [2, 5, 6, 2],
  );

const pool = (
  kind: 'maxPool' | 'avgPool',
  size: number,
  strides: number,
  pad: Pad,
  likeCpu = true,
): Case => ({
  inputs: () => [distinct()],
  f: (x) => tf[kind](x as tf.Tensor4D, size, strides, pad, typeof pad === 'number' ? 'floor' : undefined),
  likeCpu,
});

const resize = (
  size: [number, number],
  alignCorners: boolean,
  halfPixelCenters: boolean,
  likeCpu = true,
): Case => ({
  inputs: () => [image()],
  f: (x) => tf.image.resizeBilinear(x as tf.Tensor4D, size, alignCorners, halfPixelCenters),
  likeCpu,
});

const cases: Record<string, Case> = {
  'conv 3×3, same': conv(3, 1, 'same'),
  'conv 3×3, stride 2, same': conv(3, 2, 'same'),
  'conv 2×2, same (one side only)': conv(2, 1, 'same'),
  'conv 3×3, stride 2, valid': conv(3, 2, 'valid'),
  'conv 3×3, stride 2, padding 1': conv(3, 2, 1),
  'conv 3×3, uneven padding': conv(3, 1, explicit),
  'conv 1×1, stride 2': conv(1, 2, 'valid'),
  'conv 5×5, valid, one row of outputs': conv(5, 1, 'valid'),
  'depthwise, same': depthwise(1, 'same'),
  'depthwise, stride 2': depthwise(2, 'same'),
  'max pool 2×2': pool('maxPool', 2, 2, 'valid'),
  'max pool 3×3, stride 2, same': pool('maxPool', 3, 2, 'same'),
  'max pool 3×3, uneven padding': pool('maxPool', 3, 2, explicit),
  // The cpu backend divides by the window, not by the values in it.
  'average pool 2×2': pool('avgPool', 2, 2, 'valid'),
  'average pool 3×3, same': pool('avgPool', 3, 1, 'same', false),
  'average pool 3×3, stride 2, same': pool('avgPool', 3, 2, 'same', false),
  'average pool 3×3, uneven padding': pool('avgPool', 3, 2, explicit, false),
  // The cpu backend confuses height with width, and one image of a batch with another.
  'bilinear up, corners aligned': resize([9, 11], true, false, false),
  'bilinear down, corners aligned': resize([3, 4], true, false, false),
  'bilinear, half pixels': resize([9, 4], false, true, false),
  'bilinear, the old convention': resize([9, 4], false, false, false),
  'nearest, corners aligned': {
    inputs: () => [image()],
    f: (x) => tf.image.resizeNearestNeighbor(x as tf.Tensor4D, [9, 4], true),
    likeCpu: false,
  },
  nearest: {
    inputs: () => [image()],
    f: (x) => tf.image.resizeNearestNeighbor(x as tf.Tensor4D, [9, 4]),
    likeCpu: false,
  },
  'batch norm with batch statistics': {
    inputs: () => [image(), normal('gamma', [2]), normal('beta', [2])],
    f: (x, gamma, beta) => {
      const { mean, variance } = tf.moments(x, [0, 1, 2]);
      return tf.batchNorm4d(
        x as tf.Tensor4D,
        mean as tf.Tensor1D,
        variance as tf.Tensor1D,
        beta as tf.Tensor1D,
        gamma as tf.Tensor1D,
        1e-3,
      );
    },
  },
  'batch norm with given statistics': {
    inputs: () => [
      image(),
      normal('mean', [2]),
      uniform('variance', [2], 0.5, 2),
      normal('beta', [2]),
      normal('gamma', [2]),
    ],
    f: (x, mean, variance, beta, gamma) =>
      tf.batchNorm4d(
        x as tf.Tensor4D,
        mean as tf.Tensor1D,
        variance as tf.Tensor1D,
        beta as tf.Tensor1D,
        gamma as tf.Tensor1D,
        1e-3,
      ),
  },
  'local response normalisation': {
    inputs: () => [normal('channels', [1, 2, 3, 6])],
    f: (x) => tf.localResponseNormalization(x as tf.Tensor4D, 2, 1, 0.5, 0.75),
  },
  'matMul, transposed': {
    inputs: () => [normal('a', [4, 3]), normal('b', [5, 4])],
    f: (a, b) => tf.matMul(a, b, true, true),
  },
  'log-softmax and gather': {
    inputs: () => [normal('logits', [4, 5])],
    f: (x) => tf.gather(tf.logSoftmax(x), tf.tensor1d([3, 0, 3], 'int32')),
  },
  'elu, sigmoid, softplus, tanh': {
    inputs: () => [normal('x', [3, 4])],
    f: (x) => tf.add(tf.mul(tf.elu(x), tf.sigmoid(x)), tf.mul(tf.softplus(x), tf.tanh(x))),
  },
  'conv 3d, same': {
    inputs: () => [normal('x', [1, 3, 4, 4, 2]), normal('filter', [2, 3, 3, 2, 2])],
    f: (x, filter) => tf.conv3d(x as tf.Tensor5D, filter as tf.Tensor5D, 1, 'same'),
  },
  'average pool 3d': {
    inputs: () => [normal('x', [1, 4, 4, 4, 2])],
    f: (x) => tf.avgPool3d(x as tf.Tensor5D, 2, 2, 'valid'),
  },
};

/**
 * The same gradients by central differences: of 12 values of each input, with the sum over the outputs in double
 * precision on the host.
 */
function differences(f: Case['f'], inputs: tf.Tensor[]): { index: number; slope: number }[][] {
  const step = 2 ** -7;
  return inputs.map((input, which) => {
    const values = (input.dataSync() as Float32Array).slice();
    const at = (index: number, value: number): number =>
      tf.tidy(() => {
        const moved = values.slice();
        moved[index] = value;
        const y = f(...inputs.map((x, i) => (i === which ? tf.tensor(moved, x.shape) : x)));
        const weights = normal('weights', y.shape as [number]).dataSync<'float32'>();
        return y.dataSync<'float32'>().reduce((sum, v, i) => sum + v * weights[i]!, 0);
      });
    const stride = Math.max(1, Math.floor(values.length / 12));
    return Array.from({ length: Math.ceil(values.length / stride) }, (_, i) => {
      const index = i * stride;
      const slope = (at(index, values[index]! + step) - at(index, values[index]! - step)) / (2 * step);
      return { index, slope };
    });
  });
}

describe.skipIf(!hasTorch)('gradients on the torch backend', () => {
  beforeAll(() => {
    tf.enableProdMode();
    startTorch();
  });

  test.each(Object.entries(cases))('%s', async (_, { inputs, f, likeCpu = true }) => {
    const compute = (): tf.Tensor[] => weightedGradients(f, inputs());
    const onTorch = await runOn('torch', compute);
    if (likeCpu) expectSame(onTorch, await runOn('cpu', compute), 1e-4);

    await tf.setBackend('torch');
    tf.tidy(() => {
      const expected = differences(f, inputs());
      expected.forEach((slopes, which) => {
        const { values } = onTorch[which]!;
        const scale = Math.max(1, ...slopes.map(({ slope }) => Math.abs(slope)));
        for (const { index, slope } of slopes) {
          expect(Math.abs(values[index]! - slope), `input ${which}, value ${index}`).toBeLessThan(
            4e-3 * scale,
          );
        }
      });
    });
  });
});
