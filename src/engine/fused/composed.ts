import * as tf from '@tensorflow/tfjs';
import {
  batchNormEpsilon,
  batchNormMomentum,
  type BatchNormalization,
  type Convolution,
  type FusedOps,
} from './ops.js';
import { outsideTape } from '../tape.js';

/**
 * The fused ops as compositions of standard TensorFlow.js kernels, for every backend that has none of its own.
 * Padding is explicit (`tf.pad`, then a `valid` convolution): at stride 2, padding 1 is not TensorFlow's `same`, and
 * some backends' gradient kernels know only `valid` and `same`.
 */
export const composedOps: FusedOps = {
  conv: (x, convolution) => convolve(x, convolution),

  convBatchNorm(x, convolution, norm, { relu, residual, mode }) {
    const normalised = normalise(convolve(x, convolution), norm, mode.training);
    const sum = residual ? tf.add(normalised, residual) : normalised;
    return (relu ? tf.relu(sum) : sum) as tf.Tensor4D;
  },

  batchNorm(x, norm, { relu, mode }) {
    const y = normalise(x, norm, mode.training);
    return (relu ? tf.relu(y) : y) as typeof x;
  },

  sgd(variables, gradients, momenta, { learningRate, momentum, weightDecay, nesterov }) {
    variables.forEach((variable, i) => {
      tf.tidy(() => {
        const gradient = tf.add(gradients[i]!, tf.mul(variable, weightDecay));
        const velocity = tf.add(tf.mul(momenta[i]!, momentum), gradient);
        momenta[i]!.assign(velocity);
        const direction = nesterov ? tf.add(gradient, tf.mul(velocity, momentum)) : velocity;
        variable.assign(tf.sub(variable, tf.mul(direction, learningRate)));
      });
    });
  },

  movingAverage(averages, values, momentum) {
    averages.forEach((average, i) => {
      tf.tidy(() => average.assign(tf.add(tf.mul(average, momentum), tf.mul(values[i]!, 1 - momentum))));
    });
  },
};

function convolve(x: tf.Tensor4D, { filter, bias, stride, padding, groups }: Convolution): tf.Tensor4D {
  const padded: tf.Tensor4D =
    padding > 0
      ? tf.pad(x, [
          [0, 0],
          [padding, padding],
          [padding, padding],
          [0, 0],
        ])
      : x;
  const y =
    groups === 1
      ? tf.conv2d(padded, filter, stride, 'valid')
      : tf.concat4d(
          tf
            .split(padded, groups, 3)
            .map((part, g) =>
              tf.conv2d(part as tf.Tensor4D, groupFilter(filter, g, groups), stride, 'valid'),
            ),
          3,
        );
  return bias ? tf.add(y, bias) : y;
}

function groupFilter(filter: tf.Tensor4D, group: number, groups: number): tf.Tensor4D {
  const [height, width, inputs, outputs] = filter.shape;
  const size = outputs / groups;
  return tf.slice(filter, [0, 0, 0, group * size], [height, width, inputs, size]);
}

function normalise(x: tf.Tensor2D | tf.Tensor4D, norm: BatchNormalization, training: boolean): tf.Tensor {
  const { mean, variance } = training
    ? tf.moments(x, x.rank === 4 ? [0, 1, 2] : [0])
    : { mean: norm.runningMean, variance: norm.runningVariance };
  if (training) outsideTape(() => updateRunning(norm, mean, variance, x.size / x.shape[x.rank - 1]!));
  const scale = tf.mul(norm.gamma, tf.rsqrt(tf.add(variance, batchNormEpsilon)));
  return tf.add(tf.mul(tf.sub(x as tf.Tensor, mean), scale), norm.beta);
}

function updateRunning(norm: BatchNormalization, mean: tf.Tensor, variance: tf.Tensor, count: number): void {
  tf.tidy(() => {
    const unbiased = tf.mul(variance, count / (count - 1));
    const blend = (running: tf.Variable, value: tf.Tensor): void =>
      running.assign(tf.add(tf.mul(running, 1 - batchNormMomentum), tf.mul(value, batchNormMomentum)));
    blend(norm.runningMean, mean);
    blend(norm.runningVariance, unbiased);
  });
}
