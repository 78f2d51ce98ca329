import * as tf from '@tensorflow/tfjs';
import { fused } from './fused/registry.js';
import { inPass, onTape, outsideTape, type TapeNode } from './tape.js';

/** A computation that ran once, and whose backward pass can be taken more than once. It owns what it saved. */
export interface Recording {
  /**
   * The gradient of the input, by that of the output, added to `sum`, which is given up; `dy` stays the caller's. Another
   * pass can follow.
   */
  inputGradient(dy: tf.Tensor, sum?: tf.Tensor): tf.Tensor;
  /** The last pass: gradients of the variables, in their order. `dy` is given up, and all that was saved is freed. */
  finish(dy: tf.Tensor, variables: readonly tf.Variable[]): tf.Tensor[];
  /** Frees all that was saved, as `finish` does. */
  dispose(): void;
}

/** Runs f on x. The output is the caller's. */
export function record<T extends tf.Tensor>(
  x: tf.Tensor,
  f: (x: tf.Tensor) => T,
): { readonly output: T; readonly recording: Recording } {
  // Where x is detached, this is not: its gradient can be asked for.
  const input = outsideTape(() => tf.keep(x.clone()));
  const tape: TapeNode[] = [];
  const dispose = (): void => {
    for (const { saved } of tape) tf.dispose(saved);
    input.dispose();
  };
  try {
    const output = onTape(tape, () => f(input));
    const { id } = output;
    return {
      output,
      recording: {
        inputGradient(dy, sum) {
          const pass = { wants: (tensor: tf.Tensor) => !(tensor instanceof tf.Variable), last: false };
          return inPass(pass, () => tf.tidy(() => backward(tape, [input], id, dy, sum)[0]!));
        },
        finish(dy, variables) {
          const pass = { wants: (tensor: tf.Tensor) => tensor !== input, last: true };
          try {
            return inPass(pass, () =>
              tf.tidy(() => {
                // In the current scope the first op frees it.
                const own = dy.clone();
                dy.dispose();
                return backward(tape, variables, id, own);
              }),
            );
          } finally {
            dispose();
          }
        },
        dispose,
      },
    };
  } catch (error) {
    dispose();
    throw error;
  }
}

/**
 * What TensorFlow.js does with a tape, by gradients of these tensors; but it frees no op's saved tensors, and adds in
 * place to `sum`, which the first tensor's gradient starts as.
 */
function backward(
  tape: readonly TapeNode[],
  xs: readonly tf.Tensor[],
  output: number,
  dy: tf.Tensor,
  sum?: tf.Tensor,
): tf.Tensor[] {
  const dependent = new Set(xs.map(({ id }) => id));
  for (const { inputs, outputs } of tape) {
    if (Object.values(inputs).some(({ id }) => dependent.has(id))) {
      for (const { id } of outputs) dependent.add(id);
    }
  }
  const gradients = new Map([[output, dy]]);
  /** Those that nobody else reads. */
  const sums = new Set<number>();
  if (sum !== undefined) {
    gradients.set(xs[0]!.id, sum);
    sums.add(xs[0]!.id);
  }
  for (const { inputs, outputs, gradient } of tape.toReversed()) {
    const asked = Object.entries(inputs).filter(([, { id }]) => dependent.has(id));
    const dys = outputs.map(({ id }) => gradients.get(id)!);
    if (asked.length === 0 || dys.every((each) => each === undefined)) continue;
    const found = gradient!(dys);
    for (const { id } of outputs) gradients.delete(id);
    for (const [name, { id }] of asked) {
      const dx = tf.tidy(() => found[name]!());
      const before = gradients.get(id);
      if (before === undefined) gradients.set(id, dx);
      else if (sums.has(id)) gradients.set(id, fused().accumulate(before, dx));
      else {
        gradients.set(id, tf.add(before, dx));
        tf.dispose([before, dx]);
        sums.add(id);
      }
    }
  }
  return xs.map((x) => gradients.get(x.id) ?? tf.zerosLike(x));
}
