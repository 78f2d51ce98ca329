import type * as tf from '@tensorflow/tfjs';
import { conv } from './conv.js';
import { convBatchNorm } from './conv-batch-norm.js';
import { differentiable, trained } from './differentiable.js';
import type { FusedOp } from './fused-op.js';
import { givenUp } from './given-up.js';
import { maxPool, ownWindows, type MaxPooling } from './max-pool.js';
import {
  batchNormEpsilon,
  batchNormMomentum,
  type BatchNormalization,
  type Convolution,
  type Mode,
} from './ops.js';

export interface PooledOptions {
  readonly relu: boolean;
  readonly pool: MaxPooling;
  readonly mode: Mode;
}

/** Convolution, batch normalisation, ReLU where asked, then max pool. */
type ConvBatchNormPool = (
  x: tf.Tensor4D,
  convolution: Convolution,
  norm: BatchNormalization,
  options: PooledOptions,
) => tf.Tensor4D;

const inTwo =
  (
    first: ReturnType<typeof convBatchNorm.torch>,
    then: ReturnType<typeof maxPool.torch>,
  ): ConvBatchNormPool =>
  (x, convolution, norm, { pool, ...options }) => {
    const map = first(x, convolution, norm, options);
    return givenUp(map, () => then(map, pool));
  };

export const convBatchNormPool: FusedOp<ConvBatchNormPool> = {
  composed: inTwo(convBatchNorm.composed, maxPool.composed),

  // On the CPU the normalised map and its gradient, the largest of a stem's, are never there as a whole.
  torch(torch) {
    const { device, multiOp, input, wrapAll, isOwn, writable } = torch;
    const two = inTwo(convBatchNorm.torch(torch), maxPool.torch(torch));
    if (device === 'cuda') return two;
    const convolve = conv.torch(torch);
    const forward = multiOp('locallearn::bn_pool');
    const backward = multiOp('locallearn::bn_pool_backward');

    const normalisedAndPooled = (
      x: tf.Tensor4D,
      { gamma, beta, runningMean, runningVariance }: BatchNormalization,
      { relu, pool: { window, stride, padding }, mode }: PooledOptions,
    ): tf.Tensor4D =>
      differentiable([x, ...trained(mode, gamma, beta)], ({ isLast }) => {
        const statistics = mode.training ? writable : input;
        const [y, positions, mean, inverseDeviation] = wrapAll(
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
            window,
            stride,
            padding,
          ),
        ) as [tf.Tensor4D, tf.Tensor, tf.Tensor, tf.Tensor];
        return {
          y,
          saved: [x, positions, mean, inverseDeviation],
          backward: (dy, [savedX, savedPositions, savedMean, savedDeviation]) =>
            wrapAll(
              backward(
                input(dy),
                input(savedPositions),
                input(savedX),
                relu,
                input(gamma),
                input(beta),
                input(savedMean),
                input(savedDeviation),
                mode.training,
                window,
                stride,
                padding,
                isLast() && isOwn(savedX!),
              ),
            ),
        };
      });

    return (x, convolution, norm, options) => {
      if (!ownWindows(options.pool)) return two(x, convolution, norm, options);
      const c = convolve(x, convolution, options.mode);
      return givenUp(c, () => normalisedAndPooled(c, norm, options));
    };
  },
};
