import * as tf from '@tensorflow/tfjs';
import { isDetached } from '../detached.js';
import { differentiable, tidied } from './differentiable.js';
import {
  batchNormEpsilon,
  batchNormMomentum,
  layerNormEpsilon,
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
  fromBytes: (values, shape) => tf.tensor(new Float32Array(values), [...shape]),

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

  layerNorm(x, { gamma, beta }, mode) {
    const wantX = !isDetached(x);
    const wanted = [...(wantX ? [x] : []), ...(mode.parameterGradients ? [gamma, beta] : [])];
    return differentiable(wanted, () => {
      const { mean, variance } = tf.moments(x, -1, true);
      const inverseDeviation = tf.rsqrt(tf.add(variance, layerNormEpsilon));
      const normalised = tf.mul(tf.sub(x as tf.Tensor, mean), inverseDeviation);
      return {
        y: tf.add(tf.mul(normalised, gamma), beta) as typeof x,
        saved: [x, mean, inverseDeviation],
        backward: (dy, [savedX, savedMean, savedDeviation]) =>
          tidied(() => {
            const centred = tf.mul(tf.sub(savedX!, savedMean!), savedDeviation!);
            const leading = dy.shape.slice(0, -1).map((_, axis) => axis);
            return [
              ...(wantX ? [layerNormInputGradient(tf.mul(dy, gamma), centred, savedDeviation!)] : []),
              ...(mode.parameterGradients
                ? [tf.sum(tf.mul(dy as tf.Tensor, centred), leading), tf.sum(dy, leading)]
                : []),
            ];
          }),
      };
    });
  },

  gelu: (x) =>
    differentiable(isDetached(x) ? [] : [x], () => ({
      y: tf.mul(x, normalDistribution(x)) as typeof x,
      saved: [x],
      backward: (dy, [savedX]) =>
        tidied(() => {
          const density = tf.mul(tf.exp(tf.mul(tf.square(savedX!), -0.5)), 1 / Math.sqrt(2 * Math.PI));
          const slope = tf.add(normalDistribution(savedX!), tf.mul(savedX!, density));
          return [tf.mul(dy as tf.Tensor, slope)];
        }),
    })),

  crossEntropy: (logits, targets) =>
    differentiable([logits], () => {
      const logarithms = tf.logSoftmax(logits);
      return {
        y: tf.neg(tf.mean(tf.sum(tf.mul(targets, logarithms), 1))),
        saved: [logarithms, targets],
        backward: (dy, [saved, target]) =>
          tidied(() => [
            tf.mul(
              tf.sub(tf.mul(tf.exp(saved!), tf.sum(target!, 1, true)), target!),
              tf.div(dy, logits.shape[0]),
            ),
          ]),
      };
    }),

  binaryCrossEntropy: (logits, targets) =>
    differentiable([logits], () => ({
      // max(x, 0) − x·t + log(1 + exp(−|x|)): no overflow at either end.
      y: tf.mean(
        tf.add(tf.sub(tf.relu(logits), tf.mul(logits, targets)), tf.log1p(tf.exp(tf.neg(tf.abs(logits))))),
      ),
      saved: [logits, targets],
      backward: (dy, [logit, target]) =>
        tidied(() => [tf.mul(tf.sub(tf.sigmoid(logit!), target!), tf.div(dy, targets.size))]),
    })),

  accumulate(total, value) {
    const sum = tf.add(total, value) as typeof total;
    tf.dispose([total, value]);
    return sum;
  },

  scale(x, factor) {
    const product = tf.mul(x, factor) as typeof x;
    x.dispose();
    return product;
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
      : groupedConvolution(padded, filter, stride, groups);
  return bias ? tf.add(y, bias) : y;
}

/** Split and not slices: its gradient is one concatenation, theirs a padded copy of the whole for each group. */
function groupedConvolution(
  x: tf.Tensor4D,
  filter: tf.Tensor4D,
  stride: number,
  groups: number,
): tf.Tensor4D {
  const filters = tf.split(filter, groups, 3);
  const parts = tf
    .split(x, groups, 3)
    .map((part, g) => tf.conv2d(part as tf.Tensor4D, filters[g] as tf.Tensor4D, stride, 'valid'));
  return tf.concat4d(parts, 3);
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

/** `dy` is that of the normalised values: dx = (dy − mean(dy) − x̂ · mean(dy · x̂)) / σ, means over the last axis. */
function layerNormInputGradient(
  dy: tf.Tensor,
  normalised: tf.Tensor,
  inverseDeviation: tf.Tensor,
): tf.Tensor {
  const along = tf.mean(tf.mul(dy, normalised), -1, true);
  const rest = tf.sub(tf.sub(dy, tf.mean(dy, -1, true)), tf.mul(normalised, along));
  return tf.mul(rest, inverseDeviation);
}

/** Φ(x). */
function normalDistribution(x: tf.Tensor): tf.Tensor {
  return tf.mul(tf.add(tf.erf(tf.mul(x, Math.SQRT1_2)), 1), 0.5);
}
