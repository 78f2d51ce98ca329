import * as tf from '@tensorflow/tfjs';
import { isLastPass, isWanted, outsideTape } from '../tape.js';

/** What one op computes forward, and how it goes back. */
export interface Recorded<T extends tf.Tensor> {
  readonly y: T;
  readonly saved: tf.Tensor[];
  /**
   * Gradients of the wanted tensors, in their order; undefined where not asked for. Of those that only this pass does not
   * ask for (`isWanted`), it gives all or none. `dy` is given up: it may be freed before the end.
   */
  readonly backward: (dy: T, saved: readonly tf.Tensor[]) => (tf.Tensor | undefined)[];
}

/**
 * One tape entry with a gradient for each wanted tensor. The backward frees the incoming gradient and what was saved
 * as soon as it has used them: TensorFlow.js would keep both until the whole gradient scope ends, and that is most
 * of a step's memory; a recording's earlier passes leave it. Gradients are first-order only.
 */
export function differentiable<T extends tf.Tensor>(wanted: readonly tf.Tensor[], run: () => Recorded<T>): T {
  if (wanted.length === 0) {
    return outsideTape(() => tf.tidy(() => run().y));
  }
  const op = tf.customGrad((...args: (tf.Tensor | tf.GradSaveFunc)[]) => {
    const save = args[args.length - 1] as tf.GradSaveFunc;
    const { y, saved, backward } = run();
    save(saved);
    const gradFunc = (dy: tf.Tensor, kept: tf.Tensor[]): tf.Tensor[] => {
      // A gradient that came from outside, `tf.grads(f)(x, dy)`, is the caller's.
      const own = dy.scopeId === tf.engine().state.activeScope.id ? dy : dy.clone();
      const gradients = backward(own as T, kept).filter((gradient) => gradient !== undefined);
      if (isLastPass()) for (const tensor of kept) tensor.dispose();
      own.dispose();
      if (gradients.length === wanted.length) return gradients;
      // TensorFlow.js wants a tensor for each; it does not look at those that this pass did not ask for.
      return wanted.map((tensor) => (isWanted(tensor) ? gradients.shift()! : dy));
    };
    return { value: y, gradFunc };
  });
  return op(...wanted);
}

/** `tf.tidy` for a list in which some entries are undefined. */
export function tidied(f: () => (tf.Tensor | undefined)[]): (tf.Tensor | undefined)[] {
  let results: (tf.Tensor | undefined)[] = [];
  tf.tidy(() => {
    results = f();
    return results.filter((tensor) => tensor !== undefined);
  });
  return results;
}
