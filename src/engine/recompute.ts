import * as tf from '@tensorflow/tfjs';
import { differentiable } from './fused/differentiable.js';
import { isDetached } from './detached.js';
import { record } from './recording.js';
import type { Recompute } from './recompute-choices.js';
import { isWanted, outsideTape, takeSum } from './tape.js';

let current: Recompute = 'none';

/** What the computation that is under way makes again. */
export const recomputeInForce = (): Recompute => current;

/** Runs f with that in force. */
export function withRecompute<T>(recompute: Recompute, f: () => T): T {
  const before = current;
  current = recompute;
  try {
    return f();
  } finally {
    current = before;
  }
}

/** A computation that can be run twice. */
export interface Repeatable {
  /** All that gradients may be asked of, beside its input. */
  readonly variables: readonly tf.Variable[];
  /** The first time. */
  readonly run: (x: tf.Tensor) => tf.Tensor;
  /** Once more: the same numbers to the last bit, and no running statistic or counter moves. */
  readonly again: (x: tf.Tensor) => tf.Tensor;
  /** What is recomputed of that. */
  readonly within: Recompute;
}

/**
 * Runs a computation of which only the input is kept. Its backward pass runs it once more, and goes back through that.
 *
 * @returns a new tensor, the caller's to dispose
 */
export function recomputed(x: tf.Tensor, { variables, run, again, within }: Repeatable): tf.Tensor {
  const wantX = !isDetached(x);
  return differentiable([...(wantX ? [x] : []), ...variables], () => ({
    y: outsideTape(() => withRecompute('none', () => tf.tidy(() => run(x)))),
    saved: [x],
    backward: (dy, [input]) => {
      const { output, recording } = withRecompute(within, () => record(input!, again));
      output.dispose();
      const asked = variables.filter(isWanted);
      return wantX && isWanted(x)
        ? recording.finishWithInput(dy.clone(), asked, takeSum(x))
        : recording.finish(dy.clone(), asked);
    },
  }));
}
