import tf = require('@tensorflow/tfjs');
import { differentiable } from './differentiable.js';

/** a + b of one shape. Keeps neither, where `tf.add` keeps both until the gradient scope ends. */
export function addOp<T extends tf.Tensor>(a: T, b: T): T {
  const inputs = [a, b];
  return differentiable(inputs, ({ wants }) => ({
    y: tf.add<T>(a, b),
    saved: [],
    backward: (dy) => inputs.map((x) => (wants(x) ? dy.clone() : undefined)),
  }));
}
