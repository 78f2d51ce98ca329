import type * as tf from '@tensorflow/tfjs';
import { z } from 'zod';
import { checkGiven } from '../core/given.js';
import { UserError } from '../core/errors.js';
import type { AdamWSettings } from '../engine/fused/ops.js';
import { fused } from '../engine/fused/registry.js';
import { outsideTape } from '../engine/tape.js';
import { decayOf, noDecayOption, placesBy, type NoDecay } from './decay.js';
import { keepTensors } from './kept.js';
import { defineOptimizer, type Optimizer, type StateKind } from './optimizer.js';

/** Everything of AdamW but the learning rate, which the schedule gives, and the count of steps. */
export type AdamWOptions = Omit<AdamWSettings, 'learningRate' | 'step'> & {
  /** Which variables weight decay leaves alone; default: none. */
  readonly noDecay?: NoDecay;
  /**
   * How averages of gradients are kept; default: float32. Those of squares always are: with β₂ = 0.999 one changes by a
   * thousandth of itself a step, less than half of bfloat16's last digit, and would never fall again.
   */
  readonly state?: StateKind | undefined;
};

const beta = z.number().min(0).lt(1);
const forms = {
  options: z.object({
    betas: z.tuple([beta, beta]),
    epsilon: z.number().positive(),
    weightDecay: z.number().min(0),
    state: z.enum(['float32', 'bf16']).optional(),
  }),
};

/**
 * AdamW (Loshchilov & Hutter 2019), its weight decay apart from the gradients, as PyTorch's `torch.optim.AdamW` defines
 * it, without AMSGrad. It keeps two tensors of each variable, `exp_avg` and `exp_avg_sq`, and `step`, how many steps that
 * variable has taken.
 *
 * @throws UserError for `state: bf16` where the engine has no such numbers, at the first step
 */
export function adamw(options: AdamWOptions): Optimizer {
  checkGiven('adamw', forms, { options });
  const { betas, epsilon } = options;
  const kept = keepTensors(['exp_avg', 'exp_avg_sq'], options.state === 'bf16' ? ['exp_avg'] : []);
  const steps = new Map<tf.Variable, number>();
  return {
    step(variables, gradients, learningRate) {
      for (const variable of variables) steps.set(variable, (steps.get(variable) ?? 0) + 1);
      for (const [step, sameAge] of placesBy(variables, (each) => steps.get(each)!)) {
        for (const [weightDecay, some] of placesBy(sameAge, (i) => decayOf(variables[i]!, options))) {
          const places = some.map((i) => sameAge[i]!);
          const own = places.map((i) => variables[i]!);
          const averages = own.map((variable) => kept.of(variable));
          outsideTape(() =>
            fused().adamw(
              own,
              places.map((i) => gradients[i]!),
              averages.map(({ exp_avg }) => exp_avg),
              averages.map(({ exp_avg_sq }) => exp_avg_sq),
              { betas, epsilon, weightDecay, learningRate, step },
            ),
          );
        }
      }
    },
    state: () =>
      new Map(
        [...kept.state()].map(([variable, tensors]) => {
          // In float32, as PyTorch's: whole up to 2²⁴ steps.
          const step = { shape: [], values: Float32Array.of(steps.get(variable)!) };
          return [variable, { ...tensors, step }];
        }),
      ),
    restore(state) {
      const taken = [...state].map(([variable, { step, ...tensors }]) => {
        const count = step?.values[0];
        if (count === undefined || step!.values.length > 1 || !(count >= 1 && Number.isInteger(count))) {
          throw new UserError(
            'not a state of this optimiser: it keeps a count of steps, step, which is missing',
          );
        }
        return { variable, tensors, count };
      });
      kept.restore(new Map(taken.map(({ variable, tensors }) => [variable, tensors])));
      for (const { variable, count } of taken) steps.set(variable, count);
    },
    dispose: () => kept.dispose(),
  };
}

/** With PyTorch's defaults. */
export const adamwKind = defineOptimizer({
  name: 'adamw',
  options: z.strictObject({
    betas: z.tuple([beta, beta]).readonly().default([0.9, 0.999]),
    epsilon: z.number().positive().default(1e-8),
    weightDecay: z.number().min(0).default(0.01),
    noDecay: noDecayOption.exactOptional(),
  }),
  build: adamw,
});
