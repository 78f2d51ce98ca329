import tf = require('@tensorflow/tfjs');
import { fused } from '../engine/fused/registry.js';
import { outsideTape } from '../engine/tape.js';

/** A loss and its gradients, computed at once. */
export interface Computed {
  readonly value: tf.Scalar;
  /** Of x. */
  readonly gradient: tf.Tensor;
  /** Of the variables, in their order. */
  readonly variableGradients: readonly tf.Tensor[];
}

/**
 * A loss of x whose gradients are computed with it and not when the outer gradient comes: what its terms keep for their
 * backward pass is freed before this returns, and only the gradients stay. `variables` are all that it depends on beside
 * x; gradients are first-order.
 */
export function eagerLoss(
  x: tf.Tensor,
  variables: readonly tf.Variable[],
  compute: (x: tf.Tensor) => Computed,
): tf.Scalar {
  return eagerly([x, ...variables], () => {
    const { value, gradient, variableGradients } = compute(x);
    return { value, gradients: [gradient, ...variableGradients] };
  });
}

/** A loss whose gradients of these tensors, in their order, are computed with it. */
export function eagerly(
  tensors: readonly tf.Tensor[],
  compute: () => { readonly value: tf.Scalar; readonly gradients: readonly tf.Tensor[] },
): tf.Scalar {
  const op = tf.customGrad((...args: (tf.Tensor | tf.GradSaveFunc)[]) => {
    const save = args[args.length - 1] as tf.GradSaveFunc;
    const { value, gradients } = outsideTape(compute);
    save([...gradients]);
    const gradFunc = (dy: tf.Tensor, saved: tf.Tensor[]): tf.Tensor[] =>
      saved.map((each) => fused().scale(each, dy as tf.Scalar));
    return { value, gradFunc };
  });
  return op(...tensors) as tf.Scalar;
}

/** One term of a loss of x, for `eagerLoss`. */
export function computed(
  x: tf.Tensor,
  variables: readonly tf.Variable[],
  f: (x: tf.Tensor) => tf.Scalar,
): Computed {
  const { value, grads } = tf.valueAndGrads((...tensors: tf.Tensor[]) => f(tensors[0]!))([x, ...variables]);
  const [gradient, ...variableGradients] = grads;
  return { value: value as tf.Scalar, gradient: gradient!, variableGradients };
}

/**
 * The sum of terms that are computed one after another; no two of them share a variable. x is given up: the last term
 * is the last that reads it, and its gradient may take x's memory.
 */
export function eagerSum(
  x: tf.Tensor,
  terms: readonly {
    readonly variables: readonly tf.Variable[];
    readonly loss: (x: tf.Tensor) => tf.Scalar;
  }[],
): tf.Scalar {
  return eagerLoss(
    x,
    terms.flatMap(({ variables }) => variables),
    (input) => {
      let sum: Computed | undefined;
      for (const [i, { variables, loss }] of terms.entries()) {
        const term = computed(input, variables, i === terms.length - 1 ? givingUp(loss) : loss);
        sum =
          sum === undefined
            ? term
            : {
                value: fused().accumulate(sum.value, term.value),
                gradient: fused().accumulate(sum.gradient, term.gradient),
                variableGradients: [...sum.variableGradients, ...term.variableGradients],
              };
      }
      return sum!;
    },
  );
}

/** After the forward pass, when what the backward pass needs of x has been kept. */
function givingUp(loss: (x: tf.Tensor) => tf.Scalar) {
  return (x: tf.Tensor): tf.Scalar => {
    const value = loss(x);
    x.dispose();
    return value;
  };
}
