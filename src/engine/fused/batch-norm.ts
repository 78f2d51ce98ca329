import * as tf from '@tensorflow/tfjs';
import { isDetached } from '../detached.js';
import { outsideTape } from '../tape.js';
import { differentiable } from './differentiable.js';
import type { FusedOp } from './fused-op.js';
import { batchNormEpsilon, batchNormMomentum, type BatchNormalization, type Mode } from './ops.js';

/** Batch normalisation of `[n, c]` or `[n, h, w, c]`, then ReLU where asked. */
type BatchNorm = <T extends tf.Tensor2D | tf.Tensor4D>(
  x: T,
  norm: BatchNormalization,
  options: { readonly relu: boolean; readonly mode: Mode },
) => T;

export const batchNorm: FusedOp<BatchNorm> = {
  composed(x, norm, { relu, mode }) {
    const y = normalise(x, norm, mode.training);
    return (relu ? tf.relu(y) : y) as typeof x;
  },

  torch({ multiOp, input, wrapAll }) {
    const forward = multiOp('locallearn::bn');
    const backward = multiOp('locallearn::bn_backward');

    return (x, norm, { relu, mode }) => {
      const { gamma, beta, runningMean, runningVariance } = norm;
      const wantX = !isDetached(x);
      const wanted = [...(wantX ? [x] : []), ...(mode.parameterGradients ? [gamma, beta] : [])];
      return differentiable(wanted, () => {
        const [y, mean, inverseDeviation] = wrapAll(
          forward(
            input(x),
            input(gamma),
            input(beta),
            input(runningMean),
            input(runningVariance),
            mode.training,
            batchNormMomentum,
            batchNormEpsilon,
            relu,
          ),
        ) as [typeof x, tf.Tensor, tf.Tensor];
        return {
          y,
          saved: [x, mean, inverseDeviation],
          backward: (dy, [savedX, savedMean, savedDeviation]) => {
            const gradients = wrapAll(
              backward(
                input(dy),
                input(savedX),
                relu,
                input(gamma),
                input(beta),
                input(savedMean),
                input(savedDeviation),
                mode.training,
                batchNormEpsilon,
              ),
            );
            // All three come out of the same two passes; what is not wanted is dropped.
            const unwanted = gradients.splice(mode.parameterGradients ? 3 : 1);
            if (!wantX) unwanted.push(...gradients.splice(0, 1));
            tf.dispose(unwanted);
            return gradients;
          },
        };
      });
    };
  },
};

export function normalise(
  x: tf.Tensor2D | tf.Tensor4D,
  norm: BatchNormalization,
  training: boolean,
): tf.Tensor {
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
