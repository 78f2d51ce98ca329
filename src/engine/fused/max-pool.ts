import tf = require('@tensorflow/tfjs');
import { differentiable } from './differentiable.js';
import type { FusedOp } from './fused-op.js';

/** The windows of a max pool. */
export interface MaxPooling {
  /** Height and width of the windows. */
  readonly window: number;
  readonly stride: number;
  /** At each border, never the maximum; `same` lets a last, partial window count. */
  readonly padding: number | 'same';
}

/** Max pool of `[n, h, w, c]`. On libtorch's CPU it keeps a byte for each maximum, and not its input. */
type MaxPool = (x: tf.Tensor4D, pooling: MaxPooling) => tf.Tensor4D;

/** Whether our own ops have these windows: the positions in them fit into a byte. */
export const ownWindows = ({ window, padding }: MaxPooling): boolean => padding !== 'same' && window <= 15;

export const maxPool: FusedOp<MaxPool> = {
  composed: (x, { window, stride, padding }) => tf.maxPool(x, window, stride, padding),

  torch({ device, op, multiOp, input, wrap }) {
    const forward = multiOp('locallearn::max_pool');
    const backward = op('locallearn::max_pool_backward');

    return (x, pooling) => {
      const { window, stride, padding } = pooling;
      // On a GPU the layer before keeps the input anyway, which is its output.
      if (device === 'cuda' || !ownWindows(pooling)) return maxPool.composed(x, pooling);
      const [, height, width] = x.shape;
      return differentiable([x], () => {
        const [y, positions] = forward(input(x), window, stride, padding);
        return {
          y: wrap(y!) as tf.Tensor4D,
          saved: [wrap(positions!)],
          backward: (dy, [saved]) => [
            wrap(backward(input(dy), input(saved), height, width, window, stride, padding)),
          ],
        };
      });
    };
  },
};
