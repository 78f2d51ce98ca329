import tf = require('@tensorflow/tfjs');
import { differentiable, tidied } from './differentiable.js';
import type { FusedOp } from './fused-op.js';

/** x · Φ(x), Φ the standard normal distribution function: the exact GELU (Hendrycks & Gimpel 2016). */
type Gelu = <T extends tf.Tensor>(x: T) => T;

export const gelu: FusedOp<Gelu> = {
  composed: (x) =>
    differentiable([x], () => ({
      y: tf.mul(x, normalDistribution(x)) as typeof x,
      saved: [x],
      backward: (dy, [savedX]) =>
        tidied(() => {
          const density = tf.mul(tf.exp(tf.mul(tf.square(savedX!), -0.5)), 1 / Math.sqrt(2 * Math.PI));
          const slope = tf.add(normalDistribution(savedX!), tf.mul(savedX!, density));
          return [tf.mul(dy as tf.Tensor, slope)];
        }),
    })),

  torch({ op, input, asMap, asFloat, wrap }) {
    const forward = op('aten::gelu');
    const backward = op('aten::gelu_backward');

    return (x) =>
      differentiable([x], () => ({
        y: wrap(forward(input(x))) as typeof x,
        saved: [x],
        // Libtorch takes two of different types, and makes nonsense of them.
        backward: (dy, [savedX]) =>
          tidied(() => [asMap(wrap(backward(input(asFloat(dy)), input(asFloat(savedX!)))))]),
      }));
  },
};

/** Φ(x). */
function normalDistribution(x: tf.Tensor): tf.Tensor {
  return tf.mul(tf.add(tf.erf(tf.mul(x, Math.SQRT1_2)), 1), 0.5);
}
