import tf = require('@tensorflow/tfjs');
import { differentiable, tidied } from './differentiable.js';

/**
 * share · a + (2 − share) · b of one shape. Keeps a − b alone, where the same of TensorFlow.js's ops keeps a, b and both
 * products.
 */
export function blendOp<T extends tf.Tensor>(share: tf.Scalar, a: T, b: T): T {
  return differentiable([share, a, b], ({ wants }) => ({
    y: tf.tidy(() => tf.add(tf.mul(a, share), tf.mul(b, tf.sub(2, share)))) as T,
    saved: [tf.sub(a, b)],
    backward: (dy, [difference]) =>
      tidied(() => [
        wants(share) ? tf.sum(tf.mul(dy as tf.Tensor, difference!)) : undefined,
        wants(a) ? tf.mul(dy as tf.Tensor, share) : undefined,
        wants(b) ? tf.mul(dy as tf.Tensor, tf.sub(2, share)) : undefined,
      ]),
  }));
}
