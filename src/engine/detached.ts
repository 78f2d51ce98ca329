import tf = require('@tensorflow/tfjs');
import { outsideTape } from './tape.js';

const detached = new WeakSet<tf.Tensor>();

/**
 * Cuts a tensor off from its history: gradients stop here. Ops that read the result know that nobody can ask for its
 * gradient and skip that work.
 *
 * @returns the same values; kept beyond the current scope, and its owner disposes it
 */
export function detach<T extends tf.Tensor>(x: T): T {
  const copy = outsideTape(() => tf.keep(x.clone()));
  detached.add(copy);
  return copy;
}

/** Whether x came from `detach`, and so can have no gradient. */
export function isDetached(x: tf.Tensor): boolean {
  return detached.has(x);
}
