import * as tf from '@tensorflow/tfjs';
import { isDetached } from '../detached.js';
import { differentiable } from './differentiable.js';

/** a + b of one shape. Keeps neither, where `tf.add` keeps both until the gradient scope ends. */
export function addOp<T extends tf.Tensor>(a: T, b: T): T {
  const wanted = [a, b].filter((x) => !isDetached(x));
  return differentiable(wanted, () => ({
    y: tf.add<T>(a, b),
    saved: [],
    backward: (dy) => wanted.map(() => dy.clone()),
  }));
}
