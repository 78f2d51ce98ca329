import type * as tf from '@tensorflow/tfjs';
import { defineChoice, type Choice } from '../core/choice.js';
import type { Kept } from './kept.js';

/** How what an optimiser keeps is kept: each number in four bytes, or rounded to two, but computed with in float32. */
export type StateKind = 'float32' | 'bf16';

/** What changes variables by their gradients. */
export interface Optimizer {
  /**
   * Changes the variables in place.
   *
   * @param gradients of the variables, in their order; they stay the caller's
   */
  step(variables: readonly tf.Variable[], gradients: readonly tf.Tensor[], learningRate: number): void;
  /**
   * Copies what it keeps of each variable that it has stepped, by names of its own: `{ momentum }`, or
   * `{ exp_avg, exp_avg_sq, step }`, with `_bf16` behind what is kept so. A checkpoint has them as `momentum/network/conv1.weight`, so that `network`,
   * `auxiliary`, `update` and `average` cannot be such names.
   */
  state(): Kept;
  /**
   * Goes on from such a state.
   *
   * @throws UserError if it is not that of such an optimiser, before anything is changed
   */
  restore(state: Kept): void;
  /** Frees what it keeps. */
  dispose(): void;
}

/** An optimiser by name: its options, and what makes a fresh one. */
export type OptimizerKind = Choice<Optimizer>;

/** An optimiser that a config can name: `train: { optimizer: … }`. Returns its argument. */
export const defineOptimizer = defineChoice<Optimizer>();
