import type * as tf from '@tensorflow/tfjs';
import type { FusedOp } from './fused-op.js';

/** A filter `[height, width, in, out]` as the engine's convolutions read it fastest: the same values, and no gradient. */
type AsFilter = (filter: tf.Tensor4D) => tf.Tensor4D;

export const asFilter: FusedOp<AsFilter> = {
  composed: (filter) => filter,

  torch({ op, input, wrap }) {
    const convert = op('locallearn::as_filter');

    return (filter) => wrap(convert(input(filter))) as tf.Tensor4D;
  },
};
