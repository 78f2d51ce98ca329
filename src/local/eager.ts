import * as tf from '@tensorflow/tfjs';
import { outsideTape } from '../engine/tape.js';

/**
 * f(x), with the gradients computed at once instead of when the outer gradient comes: what f keeps for its backward
 * pass is freed before this returns, and only the gradients stay. Loss terms that add up thus hold their activations
 * one after another. `variables` are all that f depends on beside x; gradients are first-order.
 */
export function eagerLoss<T extends tf.Tensor>(
  x: T,
  variables: readonly tf.Variable[],
  f: (x: T) => tf.Scalar,
): tf.Scalar {
  const op = tf.customGrad((...args: (tf.Tensor | tf.GradSaveFunc)[]) => {
    const save = args[args.length - 1] as tf.GradSaveFunc;
    const { value, grads } = outsideTape(() =>
      tf.valueAndGrads((...tensors: tf.Tensor[]) => f(tensors[0] as T))([x, ...variables]),
    );
    save(grads);
    const gradFunc = (dy: tf.Tensor, saved: tf.Tensor[]): tf.Tensor[] =>
      saved.map((gradient) => {
        const scaled = tf.mul(gradient, dy);
        gradient.dispose();
        return scaled;
      });
    return { value, gradFunc };
  });
  return op(x, ...variables) as tf.Scalar;
}
