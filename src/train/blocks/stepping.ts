import tf = require('@tensorflow/tfjs');
import type { RankSums } from '../../engine/rank-sums.js';
import {
  addGradients,
  clippedGradients,
  freeGradients,
  stepReady,
  type Gradients,
  type PendingGradients,
} from '../gradients.js';
import type { PutOffSteps } from '../put-off.js';
import type { Optimizer } from '../optimizer.js';
import type { StepPlan } from '../step.js';

/** What becomes of the gradients of a rank's updates in one training step. */
export interface Stepping {
  /**
   * Takes an update's; they are given up.
   *
   * @param update its place among the rank's; after the last of them that which trains its last block from the next rank
   */
  take(update: number, gradients: Gradients): void;
  /** Steps what an update is the last to change, where that waits for nobody. */
  step(update: number): void;
  /** Keeps what waits to be stepped beyond the current scope. */
  keep(): void;
  /** Frees what has not been stepped. */
  free(): void;
  /** Of batch normalisation over ranks. */
  readonly sums: RankSums | undefined;
}

/** Steps at once, as one process does. */
export function steppingAtOnce(plan: StepPlan, optimizer: Optimizer, learningRate: number): Stepping {
  const pending: PendingGradients = new Map();
  return {
    take(update, gradients) {
      addGradients(pending, clippedGradients(gradients, plan[update]!.clip));
    },
    step: (update) => stepReady(pending, plan[update]!.steps, optimizer, learningRate),
    keep() {
      for (const gradient of pending.values()) tf.keep(gradient);
    },
    free() {
      freeGradients(pending);
      pending.clear();
    },
    sums: undefined,
  };
}

/**
 * Sends gradients to be summed with those of ranks that have the same blocks and other shares of the batch; they are
 * stepped in the training step that follows.
 *
 * @param weight how much of the batch the share is, 0…1
 */
export function steppingTogether(
  putOff: PutOffSteps,
  learningRate: number,
  weight: number,
  syncBatchNorm: boolean,
): Stepping {
  putOff.begin();
  return {
    take: (update, gradients) => putOff.send(update, gradients, weight, learningRate),
    step: () => {},
    keep: () => {},
    // What was sent belongs to more steps than this.
    free: () => {},
    sums: syncBatchNorm ? putOff.sumsOf(weight) : undefined,
  };
}
