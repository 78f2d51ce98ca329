import tf = require('@tensorflow/tfjs');
import { isDetached } from '../detached.js';
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

/** Max pool of `[n, h, w, c]`. On libtorch's CPU it keeps where each maximum was, and not its input, which is larger. */
type MaxPool = (x: tf.Tensor4D, pooling: MaxPooling) => tf.Tensor4D;

export const maxPool: FusedOp<MaxPool> = {
  composed: (x, { window, stride, padding }) => tf.maxPool(x, window, stride, padding),

  torch({ device, op, multiOp, input, wrap }) {
    const forward = multiOp('aten::max_pool2d_with_indices');
    const backward = op('aten::max_pool2d_with_indices_backward');
    const permute = op('aten::permute');
    const cast = op('aten::to', 'dtype');
    const empty = op('aten::empty', 'memory_format');

    return (x, pooling) => {
      const { window, stride, padding } = pooling;
      // On a GPU the layer before keeps the input anyway, which is its output.
      if (device === 'cuda' || padding === 'same' || isDetached(x)) return maxPool.composed(x, pooling);
      const windows = [[window, window], [stride, stride], [padding, padding], [1, 1], false] as const;
      return differentiable([x], () => {
        const images = permute(input(x), [0, 3, 1, 2]);
        const [y, positions] = forward(images, ...windows);
        const maxima = permute(y!, [0, 2, 3, 1]);
        // Of a map of floats, so that 31 bits hold them.
        const kept = cast(positions!, 'int32', false, false, null);
        for (const each of [images, y!, positions!]) each.dispose();
        return {
          y: wrap(maxima) as tf.Tensor4D,
          saved: [wrap(kept)],
          backward: (dy, [saved]) => {
            const gradient = permute(input(dy), [0, 3, 1, 2]);
            // Of the input libtorch reads the shape alone.
            const shaped = empty(x.shape, gradient.dtype, null, device, null, null);
            const like = permute(shaped, [0, 3, 1, 2]);
            const at = cast(input(saved), 'int64', false, false, null);
            const dx = backward(gradient, like, ...windows, at);
            const result = permute(dx, [0, 2, 3, 1]);
            for (const each of [gradient, shaped, like, at, dx]) each.dispose();
            return [wrap(result)];
          },
        };
      });
    };
  },
};
