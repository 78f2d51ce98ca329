import tf = require('@tensorflow/tfjs');
import { fused } from '../../../engine/fused/registry.js';
import type { Recording } from '../../../engine/recording.js';
import { outsideTape } from '../../../engine/tape.js';
import type { LentBlock } from '../../update.js';

/** A block that has run, and the gradient of its output as far as it is known. */
interface Ran {
  /** Undefined where it has run in another process. */
  readonly recording: Recording | undefined;
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
  /** Takes out the only one that waits, for another process to take its last gradients. */
  lend(): LentBlock;
  /** Puts a block in front that has run in another process: here is the gradient of its output alone, which is given up. */
  borrow(gradient: tf.Tensor): void;
  /** Takes it out again: the whole gradient of its output, the caller's, beyond the current scope. */
  giveBack(): tf.Tensor;
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
        const next = ran.recording!.inputGradient(current, before?.gradient);
        if (before !== undefined) before.gradient = tf.keep(next);
        collect(ran, current);
        current = next;
      }
    },
    finish(variables) {
      const { recording, gradient } = all.shift()!;
      return recording!.finish(gradient!, variables);
    },
    lend() {
      const { recording, gradient } = all.shift()!;
      return {
        gradient: gradient!,
        finish: (whole, variables) => recording!.finish(whole, variables),
        dispose: () => recording!.dispose(),
      };
    },
    borrow(gradient) {
      all.unshift({ recording: undefined, gradient: outsideTape(() => tf.keep(gradient.clone())) });
      gradient.dispose();
    },
    giveBack: () => all.shift()!.gradient!,
    release() {
      for (const { recording, gradient } of all.splice(0)) {
        recording?.dispose();
        gradient?.dispose();
      }
    },
  };
}
