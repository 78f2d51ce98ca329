import tf = require('@tensorflow/tfjs');
import { outsideTape } from '../../../engine/tape.js';
import { pairProducts } from './pair-products.js';

/**
 * Supervised contrastive loss (Khosla et al. 2020, Eq. 2), one view a sample, temperature and base temperature 0.07. A
 * sample without another of its class counts as zero.
 *
 * @param features `[n, d]`, L2-normalised here
 * @param labels one-hot, `[n, classes]`
 * @returns the mean over the batch
 */
export function supervisedContrast(features: tf.Tensor2D, labels: tf.Tensor2D): tf.Scalar {
  const temperature = 0.07;
  return tf.tidy(() => {
    const n = features.shape[0];
    const norms = tf.sqrt(tf.sum(tf.square(features), 1, true));
    // PyTorch's F.normalize: divides by max(norm, 1e-12).
    const unit = tf.div(features, tf.maximum(norms, 1e-12));
    const similarity = tf.div(pairProducts(unit as tf.Tensor2D), temperature);
    const others = tf.sub(1, tf.eye(n));
    const shifted = tf.sub(
      similarity,
      // For range alone: no gradient flows through it.
      outsideTape(() => tf.max(similarity, 1, true)),
    );
    const logSum = tf.log(tf.sum(tf.mul(tf.exp(shifted), others), 1, true));
    const positives = tf.mul(pairProducts(labels), others);
    const logProbability = tf.sum(tf.mul(positives, tf.sub(shifted, logSum)), 1);
    const counts = tf.maximum(tf.sum(positives, 1), 1);
    return tf.neg(tf.mean(tf.div(logProbability, counts)));
  });
}
