import type * as tf from '@tensorflow/tfjs';
import { fused } from '../../../engine/fused/registry.js';

/** Mean softmax cross-entropy of logits `[n, classes]` against one-hot labels. */
export function crossEntropy(logits: tf.Tensor2D, labels: tf.Tensor2D): tf.Scalar {
  return fused().crossEntropy(logits, labels.toFloat());
}
