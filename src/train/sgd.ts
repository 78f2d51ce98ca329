import { z } from 'zod';
import { checkGiven } from '../core/given.js';
import type { SgdSettings } from '../engine/fused/ops.js';
import { fused } from '../engine/fused/registry.js';
import { outsideTape } from '../engine/tape.js';
import { decayOf, noDecayOption, placesBy, type NoDecay } from './decay.js';
import { keepTensors } from './kept.js';
import { defineOptimizer, type Optimizer, type StateKind } from './optimizer.js';

/** Everything of SGD but the learning rate, which the schedule gives. */
export type SgdOptions = Omit<SgdSettings, 'learningRate'> & {
  /** Which variables weight decay leaves alone; default: none. */
  readonly noDecay?: NoDecay;
  /** How momenta are kept; default: float32. */
  readonly state?: StateKind | undefined;
};

/**
 * SGD as the papers of all methods train with it: Nesterov's momentum of 0.9 and a weight decay of 1e-4. What a config
 * does not say otherwise, and what is measured where there is no config.
 */
export const papersSgd = { momentum: 0.9, nesterov: true, weightDecay: 1e-4 } as const satisfies SgdOptions;

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

/** Its options, which the `train` section has too. */
export const sgdOptions = {
  momentum: z.number().min(0).lt(1).default(papersSgd.momentum),
  nesterov: z.boolean().default(papersSgd.nesterov),
  weightDecay: z.number().min(0).default(papersSgd.weightDecay),
  /** What weight decay leaves alone; where it is not said, nothing. */
  noDecay: noDecayOption.exactOptional(),
};

/** What is taken where none is named, with options of its own. */
export const sgdKind = defineOptimizer({ name: 'sgd', options: z.strictObject(sgdOptions), build: sgd });
