import tf = require('@tensorflow/tfjs');
import { fused } from '../../../engine/fused/registry.js';
import type { Recording } from '../../../engine/recording.js';

/** A block that has run, and the gradient of its output as far as it is known. */
interface Ran {
  readonly recording: Recording;
  gradient?: tf.Tensor;
}

/** The blocks that have run and wait for the rest of their gradients, in their order. */
export interface WaitingBlocks {
  add(recording: Recording): void;
  /** Adds to the gradient of the last one's output. `part` is given up. */
  collect(part: tf.Tensor): void;
  /**
   * Takes a gradient of the last one's output back through all but the first, and adds it to the gradient of each one's
   * output. `dy` is given up.
   */
  passBack(dy: tf.Tensor): void;
  /** The last backward pass of the block that has waited longest. */
  finish(variables: readonly tf.Variable[]): tf.Tensor[];
  /** Frees what all of them keep. */
  release(): void;
}

export function waitingBlocks(): WaitingBlocks {
  const all: Ran[] = [];
  /** Beyond the current scope. */
  const collect = (ran: Ran, part: tf.Tensor): void => {
    ran.gradient = tf.keep(ran.gradient === undefined ? part : fused().accumulate(ran.gradient, part));
  };
  return {
    add(recording) {
      all.push({ recording });
    },
    collect(part) {
      collect(all.at(-1)!, part);
    },
    passBack(dy) {
      const [first, ...through] = all;
      let current = dy;
      for (const ran of through.toReversed()) {
        const before = ran === through[0] ? first! : undefined;
        const next = ran.recording.inputGradient(current, before?.gradient);
        if (before !== undefined) before.gradient = tf.keep(next);
        collect(ran, current);
        current = next;
      }
    },
    finish(variables) {
      const { recording, gradient } = all.shift()!;
      return recording.finish(gradient!, variables);
    },
    release() {
      for (const { recording, gradient } of all.splice(0)) {
        recording.dispose();
        gradient?.dispose();
      }
    },
  };
}
