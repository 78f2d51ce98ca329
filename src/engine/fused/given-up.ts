import type * as tf from '@tensorflow/tfjs';

/** What f makes of x, which is freed as soon as that is there; who needs x later gives a clone. */
export function givenUp<T>(x: tf.Tensor, f: () => T): T {
  const result = f();
  x.dispose();
  return result;
}
