import tf = require('@tensorflow/tfjs');
import { batchNormKernels, gammaGradient, inverseDeviation } from './batch-norm-kernels.js';
import { differentiable, tidied, trained } from './differentiable.js';
import type { FusedOp } from './fused-op.js';
import { givenUp } from './given-up.js';
import {
  batchNormEpsilon,
  batchNormMomentum,
  type BatchNormalization,
  type Mode,
  type ResidualOptions,
} from './ops.js';

/** Batch normalisation of `[n, c]` or `[n, h, w, c]`, then ReLU where asked. */
type BatchNorm = <T extends tf.Tensor2D | tf.Tensor4D>(
  x: T,
  norm: BatchNormalization,
  options: { readonly relu: boolean; readonly mode: Mode },
) => T;

export const batchNorm: FusedOp<BatchNorm> = {
  composed(x, norm, { relu, mode }) {
    const { gamma, beta } = norm;
    return differentiable([x, ...trained(mode, gamma, beta)], () => {
      const { y: normalised, kept } = normalise(asMap(x), norm, mode);
      const map = relu ? tf.relu(normalised) : normalised;
      const y = tf.reshape(map, x.shape) as typeof x;
      return {
        y,
        saved: [x, ...kept, ...(relu ? [y] : [])],
        backward: (dy, [savedX, mean, spread, savedY]) =>
          tidied(() => {
            const { reluGradient } = batchNormKernels();
            const dMap = relu ? reluGradient(asMap(dy), asMap(savedY as typeof y)) : asMap(dy).clone();
            const statistics = [mean, spread] as [tf.Tensor1D, tf.Tensor1D];
            const [dx, ...parameters] = normGradients(
              dMap,
              asMap(savedX as typeof x).clone(),
              norm,
              statistics,
              mode,
            );
            return [tf.reshape(dx, x.shape), ...parameters];
          }),
      };
    });
  },

  torch({ multiOp, input, wrapAll, writable }) {
    const forward = multiOp('locallearn::bn');
    const backward = multiOp('locallearn::bn_backward');

    return (x, norm, { relu, mode }) => {
      const { gamma, beta, runningMean, runningVariance } = norm;
      return differentiable([x, ...trained(mode, gamma, beta)], () => {
        const statistics = mode.training ? writable : input;
        const [y, mean, inverseDeviation] = wrapAll(
          forward(
            input(x),
            input(gamma),
            input(beta),
            statistics(runningMean),
            statistics(runningVariance),
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
            // All three come out of the same two passes.
            return wrapAll(
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
          },
        };
      });
    };
  },
};

/** `[n, c]` as a map of one pixel. */
export const asMap = (x: tf.Tensor2D | tf.Tensor4D): tf.Tensor4D =>
  x.rank === 4 ? (x as tf.Tensor4D) : tf.reshape(x as tf.Tensor2D, [x.shape[0], 1, 1, x.shape[1]!]);

/** Composed batch normalisation, which in training moves the running averages; `kept` is what `normGradients` needs. */
export function normalise(
  x: tf.Tensor4D,
  norm: BatchNormalization,
  { training }: Mode,
): { readonly y: tf.Tensor4D; readonly kept: readonly [tf.Tensor1D, tf.Tensor1D] } {
  const { gamma, beta, runningMean, runningVariance } = norm;
  if (!training) {
    const y = tf.batchNorm4d(x, runningMean, runningVariance, beta, gamma, batchNormEpsilon);
    return { y, kept: [runningMean.clone(), inverseDeviation(runningVariance)] };
  }
  const { y, mean, variance, kept } = batchNormKernels().forward(x, gamma, beta);
  updateRunning(norm, mean, variance);
  return { y, kept };
}

/** What follows batch normalisation: `+ residual` where given, then ReLU where asked; what was normalised is given up. */
export function addedAndRectified(
  normalised: tf.Tensor4D,
  { relu, residual }: Pick<ResidualOptions, 'relu' | 'residual'>,
): tf.Tensor4D {
  const sum =
    residual === undefined
      ? normalised
      : givenUp(normalised, () => tf.add<tf.Tensor4D>(normalised, residual));
  return relu ? givenUp(sum, () => tf.relu(sum)) : sum;
}

/** The gradients of x, gamma and beta, by that of what `normalise` gave; dy and x are given up. */
export function normGradients(
  dy: tf.Tensor4D,
  x: tf.Tensor4D,
  { gamma }: BatchNormalization,
  kept: readonly [tf.Tensor1D, tf.Tensor1D],
  { training }: Mode,
): readonly [tf.Tensor4D, tf.Tensor1D, tf.Tensor1D] {
  if (training) return batchNormKernels().backward(dy, x, gamma, kept);
  const [mean, inverse] = kept;
  const dGamma = givenUp(x, () => gammaGradient(dy, x, mean, inverse));
  const dBeta = tf.sum<tf.Tensor1D>(dy, [0, 1, 2]);
  const dx = givenUp(dy, () => tf.mul<tf.Tensor4D>(dy, tf.mul(gamma, inverse)));
  return [dx, dGamma, dBeta];
}

/** Moves the running averages one step. @param variance over all values less one */
export function updateRunning(norm: BatchNormalization, mean: tf.Tensor1D, variance: tf.Tensor1D): void {
  tf.tidy(() => {
    const blend = (running: tf.Variable, value: tf.Tensor): void =>
      running.assign(tf.add(tf.mul(running, 1 - batchNormMomentum), tf.mul(value, batchNormMomentum)));
    blend(norm.runningMean, mean);
    blend(norm.runningVariance, variance);
  });
}
