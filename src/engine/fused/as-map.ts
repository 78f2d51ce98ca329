import type * as tf from '@tensorflow/tfjs';
import type { FusedOp } from './fused-op.js';

/**
 * A feature map as the precision in force holds it: x itself, or in bfloat16, where it is not, a rounded copy in the
 * current scope. No gradient: for what goes into an op, or comes out of one.
 */
type AsMap = <T extends tf.Tensor>(x: T) => T;

export const asMap: FusedOp<AsMap> = {
  composed: (x) => x,
  torch: (torch) => torch.asMap,
};
