import tf = require('@tensorflow/tfjs');
import { rankSumsInForce, type RankSums } from '../rank-sums.js';
import { centred, gammaGradient, inputGradient, inverseDeviation } from './batch-norm-kernels.js';
import { addedAndRectified, asMap, updateRunning } from './batch-norm.js';
import type { PooledOptions } from './conv-batch-norm-pool.js';
import { differentiable, tidied, trained } from './differentiable.js';
import { givenUp } from './given-up.js';
import {
  batchNormEpsilon,
  type BatchNormalization,
  type Convolution,
  type Mode,
  type ResidualOptions,
} from './ops.js';
import { fused } from './registry.js';

/** `fused().convBatchNorm`, or where statistics are those of all ranks' shares a convolution and what waits for them. */
export function convBatchNormOp(
  x: tf.Tensor4D,
  convolution: Convolution,
  norm: BatchNormalization,
  options: ResidualOptions,
): tf.Tensor4D {
  const ranks = options.mode.training ? rankSumsInForce() : undefined;
  if (ranks === undefined) return fused().convBatchNorm(x, convolution, norm, options);
  const c = fused().conv(x, convolution, options.mode);
  const y = pooledBatchNorm(c, norm, options, ranks);
  c.dispose();
  return y;
}

/** `fused().convBatchNormPool`, or where statistics are those of all ranks' shares the layers of it. */
export function convBatchNormPoolOp(
  x: tf.Tensor4D,
  convolution: Convolution,
  norm: BatchNormalization,
  options: PooledOptions,
): tf.Tensor4D {
  if (!options.mode.training || rankSumsInForce() === undefined) {
    return fused().convBatchNormPool(x, convolution, norm, options);
  }
  const map = convBatchNormOp(x, convolution, norm, options);
  return givenUp(map, () => fused().maxPool(map, options.pool));
}

/** `fused().batchNorm`, or the same by the statistics of all ranks' shares. */
export function batchNormOp<T extends tf.Tensor2D | tf.Tensor4D>(
  x: T,
  norm: BatchNormalization,
  options: { readonly relu: boolean; readonly mode: Mode },
): T {
  const ranks = options.mode.training ? rankSumsInForce() : undefined;
  if (ranks === undefined) return fused().batchNorm(x, norm, options);
  return tf.tidy(() => tf.reshape(pooledBatchNorm(asMap(x), norm, options, ranks), x.shape) as T);
}

/**
 * Batch normalisation in training mode by the statistics of all ranks' shares, then `+ residual` where given, then ReLU
 * where asked. Forward one sum over the ranks, backward another; all that goes into them is float32.
 *
 * @param x `[n, h, w, c]`
 */
function pooledBatchNorm(
  x: tf.Tensor4D,
  norm: BatchNormalization,
  { relu, residual, mode }: ResidualOptions,
  ranks: RankSums,
): tf.Tensor4D {
  const { gamma, beta } = norm;
  return differentiable([x, ...trained(mode, gamma, beta), residual], ({ wants }) => {
    const { mean, variance, count } = pooledMoments(x, ranks);
    updateRunning(norm, mean, tf.mul(variance, tf.div(count, tf.sub(count, 1))));
    const normalised = tf.batchNorm4d(x, mean, variance, beta, gamma, batchNormEpsilon);
    const y = addedAndRectified(normalised, { relu, residual });
    return {
      y,
      saved: [x, mean, inverseDeviation(variance), count, ...(relu ? [y] : [])],
      backward: (dy, [savedX, savedMean, inverse, savedCount, savedY]) =>
        tidied(() => {
          const { toFloat32, asMap: asHeld } = fused();
          const wide: tf.Tensor4D = toFloat32(dy);
          const dSum =
            savedY === undefined
              ? wide
              : givenUp(wide, () => tf.mul<tf.Tensor4D>(wide, tf.step(toFloat32(savedY))));
          const dResidual = wants(residual) ? asHeld(dSum.clone()) : undefined;
          const wideX = toFloat32(savedX as tf.Tensor4D);
          const kept = [savedMean, inverse] as [tf.Tensor1D, tf.Tensor1D];
          const dGamma = gammaGradient(dSum, wideX, ...kept);
          const dBeta = tf.sum<tf.Tensor1D>(dSum, [0, 1, 2]);
          const means = pooledMeans([dGamma, dBeta], savedCount as tf.Scalar, ranks);
          const dx = wants(x) ? asHeld(inputGradient(dSum, wideX, gamma, kept, means)) : undefined;
          return [dx, dGamma, dBeta, dResidual];
        }),
    };
  });
}

/** Mean and variance of every channel over all ranks' values, and how many these are: the same bits on every rank. */
function pooledMoments(
  x: tf.Tensor4D,
  { rank, size, sum }: RankSums,
): { readonly mean: tf.Tensor1D; readonly variance: tf.Tensor1D; readonly count: tf.Scalar } {
  const channels = x.shape[3];
  // Every rank's own in a place of its own: what is joined then are means and squares about them, and no large sums
  // are taken from each other (Chan, Golub & LeVeque 1979, Eq. 2.1).
  const all = tf.tidy(() => {
    const wide = fused().toFloat32(x);
    const own = tf.mean<tf.Tensor1D>(wide, [0, 1, 2]);
    const squares = tf.sum<tf.Tensor1D>(tf.square(centred(wide, own)), [0, 1, 2]);
    const row = tf.concat([tf.tensor1d([x.size / channels]), own, squares]);
    return tf.pad(tf.expandDims<tf.Tensor2D>(row), [
      [rank, size - rank - 1],
      [0, 0],
    ]);
  });
  sum(all);
  const [counts, means, squares] = tf.split(all, [1, channels, channels], 1) as [
    tf.Tensor2D,
    tf.Tensor2D,
    tf.Tensor2D,
  ];
  const count = tf.sum<tf.Scalar>(counts);
  const mean = tf.sum<tf.Tensor1D>(tf.mul(means, tf.div(counts, count)), 0);
  const offsets = tf.mul(tf.square(tf.sub(means, mean)), counts);
  return { mean, variance: tf.div(tf.sum<tf.Tensor1D>(tf.add(squares, offsets), 0), count), count };
}

/**
 * Means over all ranks' values of what each rank has summed over its own, of gradients of its share's loss. The gradient
 * that it goes into is of that loss too, and is weighed with all others when it is that of a parameter.
 */
function pooledMeans(
  own: readonly [tf.Tensor1D, tf.Tensor1D],
  count: tf.Scalar,
  { weight, sum }: RankSums,
): [tf.Tensor1D, tf.Tensor1D] {
  const sums = tf.mul(tf.concat([...own]), weight);
  sum(sums);
  return tf.split(tf.div(sums, tf.mul(count, weight)), 2) as [tf.Tensor1D, tf.Tensor1D];
}
