import * as tf from '@tensorflow/tfjs';
import { isDetached } from '../detached.js';
import { differentiable, tidied } from './differentiable.js';

/**
 * share · a + (2 − share) · b of one shape. Keeps a − b alone, where the same of TensorFlow.js's ops keeps a, b and both
 * products.
 */
export function blendOp<T extends tf.Tensor>(share: tf.Scalar, a: T, b: T): T {
  const wanted = [share, a, b].filter((x) => !isDetached(x));
  return differentiable(wanted, () => ({
    y: tf.tidy(() => tf.add(tf.mul(a, share), tf.mul(b, tf.sub(2, share)))) as T,
    saved: [tf.sub(a, b)],
    backward: (dy, [difference]) =>
      tidied(() => {
        const gradients = new Map<tf.Tensor, () => tf.Tensor>([
          [share, () => tf.sum(tf.mul(dy as tf.Tensor, difference!))],
          [a, () => tf.mul(dy as tf.Tensor, share)],
          [b, () => tf.mul(dy as tf.Tensor, tf.sub(2, share))],
        ]);
        return wanted.map((x) => gradients.get(x)!());
      }),
  }));
}
