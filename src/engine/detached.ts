import tf = require('@tensorflow/tfjs');
import { outsideTape } from './tape.js';

const detached = new WeakSet<tf.Tensor>();

/** What the forward pass under way has detached. */
let own: tf.Tensor[] | undefined;

/**
 * Cuts a tensor off from its history: gradients stop here. Ops that read the result know that nobody can ask for its
 * gradient and skip that work.
 *
 * @returns the same values; kept beyond the current scope, and its owner disposes it
 */
export function detach<T extends tf.Tensor>(x: T): T {
  const copy = outsideTape(() => tf.keep(x.clone()));
  detached.add(copy);
  own?.push(copy);
  return copy;
}

/** Runs f. Where it throws, what it has detached is freed, as nobody was handed it. */
export function freeingDetached<T>(f: () => T): T {
  const outer = own;
  const ours: tf.Tensor[] = (own = []);
  try {
    return f();
  } catch (error) {
    for (const tensor of ours) tensor.dispose();
    throw error;
  } finally {
    own = outer;
  }
}

/** Whether x came from `detach`, and so can have no gradient. */
export function isDetached(x: tf.Tensor): boolean {
  return detached.has(x);
}
