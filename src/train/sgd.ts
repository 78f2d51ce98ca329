import type * as tf from '@tensorflow/tfjs';
import { z } from 'zod';
import { checkGiven } from '../core/given.js';
import type { SgdSettings } from '../engine/fused/ops.js';
import { fused } from '../engine/fused/registry.js';
import { outsideTape } from '../engine/tape.js';
import { decayOf, placesBy, type NoDecay } from './decay.js';
import { keepTensors, type Kept } from './kept.js';

/** Everything of SGD but the learning rate, which the schedule gives. */
export type SgdOptions = Omit<SgdSettings, 'learningRate'> & {
  /** Which variables weight decay leaves alone; default: none. */
  readonly noDecay?: NoDecay;
  /** How momenta are kept; default: float32. */
  readonly state?: StateKind | undefined;
};

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

const forms = {
  options: z.object({
    momentum: z.number().min(0).lt(1),
    nesterov: z.boolean(),
    weightDecay: z.number().min(0),
    state: z.enum(['float32', 'bf16']).optional(),
  }),
};

/**
 * SGD with momentum and weight decay, as PyTorch's `torch.optim.SGD` defines it. Plain SGD, without momentum, keeps
 * nothing of a variable.
 *
 * @throws UserError for `state: bf16` where the engine has no such numbers, at the first step
 */
export function sgd(options: SgdOptions): Optimizer {
  checkGiven('sgd', forms, { options });
  const plain = options.momentum === 0;
  const kept = keepTensors(['momentum'], options.state === 'bf16' ? ['momentum'] : []);
  return {
    step(variables, gradients, learningRate) {
      for (const [weightDecay, places] of placesBy(variables, (each) => decayOf(each, options))) {
        const own = places.map((i) => variables[i]!);
        outsideTape(() =>
          fused().sgd(
            own,
            places.map((i) => gradients[i]!),
            plain ? [] : own.map((variable) => kept.of(variable).momentum),
            { ...options, weightDecay, learningRate },
          ),
        );
      }
    },
    state: () => kept.state(),
    restore(state) {
      // Earlier versions kept a momentum that nothing was made of.
      if (!plain) kept.restore(state);
    },
    dispose: () => kept.dispose(),
  };
}
