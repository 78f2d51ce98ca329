import type * as tf from '@tensorflow/tfjs';
import type { FusedOp } from './fused-op.js';

/** The same values held in float32, whatever they were held in: a new tensor, which may share its data. No gradient. */
type ToFloat32 = <T extends tf.Tensor>(x: T) => T;

export const toFloat32: FusedOp<ToFloat32> = {
  composed: (x) => x.clone(),
  torch:
    ({ asFloat }) =>
    (x) => {
      const wide = asFloat(x);
      return wide === x ? x.clone() : wide;
    },
};
