import type * as tf from '@tensorflow/tfjs';
import { fused } from '../../../engine/fused/registry.js';

/**
 * Mean softmax cross-entropy over the batch.
 *
 * @param logits `[n, classes]`
 * @param labels one-hot, or shares of classes that add up to 1, `[n, classes]`
 */
export function crossEntropy(logits: tf.Tensor2D, labels: tf.Tensor2D): tf.Scalar {
  return fused().crossEntropy(logits, labels.toFloat());
}
