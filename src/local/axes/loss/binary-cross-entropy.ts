import type * as tf from '@tensorflow/tfjs';
import { fused } from '../../../engine/fused/registry.js';

/**
 * Mean binary cross-entropy of sigmoid(logits) against targets in 0…1, any shape. Its gradient is
 * (sigmoid(logits) − target) / size; targets get none.
 */
export function binaryCrossEntropy(logits: tf.Tensor, targets: tf.Tensor): tf.Scalar {
  return fused().binaryCrossEntropy(logits, targets);
}
