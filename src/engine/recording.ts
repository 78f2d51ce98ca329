import tf = require('@tensorflow/tfjs');
import { fused } from './fused/registry.js';
import { inputGradients } from './op-gradients.js';
import { inPass, onTape, outsideTape, takeSum, type Pass, type TapeNode } from './tape.js';

/** A computation that ran once, and whose backward pass can be taken more than once. It owns what it saved. */
export interface Recording {
  /**
   * The gradient of the input, by that of the output, added to `sum`, which is given up; `dy` stays the caller's. Another
   * pass can follow.
   */
  inputGradient(dy: tf.Tensor, sum?: tf.Tensor): tf.Tensor;
  /** The last pass: gradients of the variables, in their order. `dy` is given up, and all that was saved is freed. */
  finish(dy: tf.Tensor, variables: readonly tf.Variable[]): tf.Tensor[];
  /** As `finish`, with the gradient of the input, added to `sum`, before those of the variables. */
  finishWithInput(dy: tf.Tensor, variables: readonly tf.Variable[], sum?: tf.Tensor): tf.Tensor[];
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
    const last = (dy: tf.Tensor, xs: readonly tf.Tensor[], sum?: tf.Tensor): tf.Tensor[] => {
      const wants = (tensor: tf.Tensor): boolean => tensor !== input || xs.includes(input);
      try {
        return inPass({ wants, last: true, ...startingWith(sum, input) }, () =>
          tf.tidy(() => {
            // In the current scope the first op frees it.
            const own = dy.clone();
            dy.dispose();
            return orZeros(xs, backward(tape, xs, id, own));
          }),
        );
      } finally {
        dispose();
      }
    };
    return {
      output,
      recording: {
        inputGradient(dy, sum) {
          const wants = (tensor: tf.Tensor): boolean => !(tensor instanceof tf.Variable);
          return inPass({ wants, last: false, ...startingWith(sum, input) }, () =>
            tf.tidy(() => orZeros([input], backward(tape, [input], id, dy))[0]!),
          );
        },
        finish: (dy, variables) => last(dy, variables),
        finishWithInput: (dy, variables, sum) => last(dy, [input, ...variables], sum),
        dispose,
      },
    };
  } catch (error) {
    dispose();
    throw error;
  }
}

/**
 * A loss and its gradients, of those variables that it depends on: what `tf.variableGrads` computes, which holds till the end
 * every gradient that it has added to another's.
 *
 * @param f runs outside of any tape around it
 */
export function variableGradients(
  f: () => tf.Scalar,
  variables: readonly tf.Variable[],
): { readonly value: tf.Scalar; readonly gradients: ReadonlyMap<tf.Variable, tf.Tensor> } {
  const tape: TapeNode[] = [];
  const trained = variables.filter(({ trainable }) => trainable);
  const value = onTape(tape, f);
  try {
    const gradients = new Map<tf.Variable, tf.Tensor>();
    inPass({ wants: () => true, last: true }, () =>
      tf.tidy(() => {
        backward(tape, trained, value.id, tf.scalar(1)).forEach((gradient, i) => {
          if (gradient !== undefined) gradients.set(trained[i]!, gradient);
        });
        return [...gradients.values()];
      }),
    );
    return { value: value instanceof tf.Variable ? value.clone() : value, gradients };
  } catch (error) {
    if (!(value instanceof tf.Variable)) value.dispose();
    throw error;
  } finally {
    for (const { saved } of tape) tf.dispose(saved);
  }
}

/** Gives up the sum to the first that adds to the gradient of the input: an op that recomputes may be it. */
function startingWith(sum: tf.Tensor | undefined, input: tf.Tensor): Pick<Pass, 'takeSum'> {
  let left = sum;
  return {
    takeSum(x) {
      if (x !== input) return undefined;
      const taken = left;
      left = undefined;
      return taken;
    },
  };
}

/** Where nothing depends on x there is no gradient, which is 0. */
const orZeros = (xs: readonly tf.Tensor[], gradients: readonly (tf.Tensor | undefined)[]): tf.Tensor[] =>
  xs.map((x, i) => gradients[i] ?? tf.zerosLike(x));

/**
 * What TensorFlow.js does with a tape, by gradients of these tensors; but it frees no op's saved tensors, and adds in
 * place to what the pass gives for a tensor to be added to.
 */
function backward(
  tape: readonly TapeNode[],
  xs: readonly tf.Tensor[],
  output: number,
  dy: tf.Tensor,
): (tf.Tensor | undefined)[] {
  const dependent = new Set(xs.map(({ id }) => id));
  for (const { inputs, outputs } of tape) {
    if (Object.values(inputs).some(({ id }) => dependent.has(id))) {
      for (const { id } of outputs) dependent.add(id);
    }
  }
  const gradients = new Map([[output, dy]]);
  /** Those that nobody else reads. */
  const sums = new Set<number>();
  const before = (x: tf.Tensor): tf.Tensor | undefined => {
    const found = gradients.get(x.id);
    if (found !== undefined) return found;
    const given = takeSum(x);
    if (given !== undefined) sums.add(x.id);
    return given;
  };
  for (const node of tape.toReversed()) {
    const { inputs, outputs } = node;
    const asked = Object.entries(inputs).filter(([, { id }]) => dependent.has(id));
    const dys = outputs.map(({ id }) => gradients.get(id)!);
    if (asked.length === 0 || dys.every((each) => each === undefined)) continue;
    for (const { id } of outputs) gradients.delete(id);
    for (const [x, dx] of inputGradients(node, dys, asked)) {
      const { id } = x;
      const sum = before(x);
      if (sum === undefined) gradients.set(id, dx);
      else if (sums.has(id)) gradients.set(id, fused().accumulate(sum, dx));
      else {
        gradients.set(id, tf.add(sum, dx));
        tf.dispose([sum, dx]);
        sums.add(id);
      }
    }
  }
  return xs.map(before);
}
