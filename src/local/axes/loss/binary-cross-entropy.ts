import type * as tf from '@tensorflow/tfjs';
import { fused } from '../../../engine/fused/registry.js';

/**
 * Mean binary cross-entropy of sigmoid(logits). Its gradient is (sigmoid(logits) − target) / size; targets get none.
 *
 * @param logits of any shape
 * @param targets in 0…1, of the same shape
 */
export function binaryCrossEntropy(logits: tf.Tensor, targets: tf.Tensor): tf.Scalar {
  return fused().binaryCrossEntropy(logits, targets);
}
