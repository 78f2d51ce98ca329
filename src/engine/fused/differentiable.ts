import tf = require('@tensorflow/tfjs');
import { isDetached } from '../detached.js';
import { precisionInForce, withPrecision } from '../precision.js';
import { isLastPass, isRecording, isWanted, outsideTape } from '../tape.js';
import type { Mode } from './ops.js';

/** Of which of an op's inputs a gradient is wanted: the one answer to that, for what is kept and for what is computed. */
export interface GradientRequest {
  /** Whether there can be a backward pass at all; without one nothing of what is saved is ever read. */
  readonly recorded: boolean;
  /**
   * Forward: whether the gradient of x can be asked for, since x is an input that is not cut off from what came before.
   * Backward: whether the pass that is under way asks for it too.
   */
  readonly wants: (x: tf.Tensor | undefined) => boolean;
  /** Backward: whether nobody reads what the op saved after this pass, so that it may be freed, or written over. */
  readonly isLast: () => boolean;
}

const unrecorded: GradientRequest = { recorded: false, wants: () => false, isLast: isLastPass };

/** What one op computes forward, and how it goes back. */
export interface Recorded<T extends tf.Tensor> {
  readonly y: T;
  readonly saved: readonly tf.Tensor[];
  /**
   * Gradients of the inputs, in their order; those that are not wanted may be undefined, and are freed where not. `dy` is
   * given up: it may be freed before the end.
   */
  readonly backward: (dy: T, saved: readonly tf.Tensor[]) => readonly (tf.Tensor | undefined)[];
}

/** The parameters among an op's inputs: none where the mode says that they get no gradients. */
export function trained(
  mode: Mode,
  ...parameters: readonly (tf.Tensor | undefined)[]
): (tf.Tensor | undefined)[] {
  return parameters.map((parameter) => (mode.parameterGradients ? parameter : undefined));
}

/**
 * One tape entry with a gradient for each input that has one. The backward frees the incoming gradient and what was saved
 * as soon as it has used them: TensorFlow.js would keep both until the whole gradient scope ends, and that is most
 * of a step's memory; a recording's earlier passes leave it. Gradients are first-order only. It runs in the precision of
 * the forward pass.
 *
 * @param inputs all that the op may have gradients of, some undefined
 */
export function differentiable<T extends tf.Tensor>(
  inputs: readonly (tf.Tensor | undefined)[],
  run: (request: GradientRequest) => Recorded<T>,
): T {
  const possible = inputs.filter((x) => x !== undefined && !isDetached(x)) as tf.Tensor[];
  if (possible.length === 0 || !isRecording()) return outsideTape(() => tf.tidy(() => run(unrecorded).y));
  const request: GradientRequest = {
    recorded: true,
    wants: (x) => x !== undefined && possible.includes(x) && isWanted(x),
    isLast: isLastPass,
  };
  const precision = precisionInForce();
  const op = tf.customGrad((...args: (tf.Tensor | tf.GradSaveFunc)[]) => {
    const save = args[args.length - 1] as tf.GradSaveFunc;
    const { y, saved, backward } = run(request);
    save([...saved]);
    const gradFunc = (dy: tf.Tensor, kept: tf.Tensor[]): tf.Tensor[] => {
      // A gradient that came from outside, `tf.grads(f)(x, dy)`, is the caller's.
      const own = dy.scopeId === tf.engine().state.activeScope.id ? dy : dy.clone();
      const gradients = withPrecision(precision, () => backward(own as T, kept));
      if (request.isLast()) tf.dispose(kept);
      // TensorFlow.js wants a tensor for each; it does not look at those that this pass did not ask for.
      const asked = inputs.flatMap((x, i) =>
        x === undefined || !possible.includes(x) ? [] : [request.wants(x) ? gradients[i]! : dy],
      );
      tf.dispose(
        gradients.filter((gradient) => gradient !== undefined && !asked.includes(gradient)) as tf.Tensor[],
      );
      own.dispose();
      return asked;
    };
    return { value: y, gradFunc };
  });
  return op(...possible);
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
