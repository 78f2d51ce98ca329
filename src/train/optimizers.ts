import { z } from 'zod';
import { buildChosen, choiceSchema } from '../core/choice.js';
import { adamw } from './adamw.js';
import { defineOptimizer, type OptimizerKind } from './optimizer.js';
import { trainOptionsSchema } from './options.js';
import { sgd, type Optimizer } from './sgd.js';

const { momentum, nesterov, weightDecay, noDecay } = trainOptionsSchema.shape;

/** What is taken where none is named, with options of its own. */
const sgdKind = defineOptimizer({
  name: 'sgd',
  options: z.strictObject({ momentum, nesterov, weightDecay, noDecay }),
  build: sgd,
});

const beta = z.number().min(0).lt(1);

/** With PyTorch's defaults. */
const adamwKind = defineOptimizer({
  name: 'adamw',
  options: z.strictObject({
    betas: z.tuple([beta, beta]).readonly().default([0.9, 0.999]),
    epsilon: z.number().positive().default(1e-8),
    weightDecay: z.number().min(0).default(0.01),
    noDecay,
  }),
  build: adamw,
});

/** The optimisers that there are without plugins. */
export const builtInOptimizers: readonly OptimizerKind[] = [sgdKind, adamwKind];

/** The `train` section of a config with these optimisers. */
export function trainSchema(kinds: readonly OptimizerKind[]) {
  return trainOptionsSchema
    .extend({
      /** In place of SGD with this section's `momentum`, `nesterov`, `weightDecay` and `noDecay`, which are not read then. */
      optimizer: choiceSchema(kinds).exactOptional(),
    })
    .superRefine(({ optimizer, noDecay }, context) => {
      if (optimizer === undefined || noDecay === undefined) return;
      const message = `is of the SGD that "optimizer" replaces; say it there: optimizer: { name: ${optimizer.name}, noDecay: [${noDecay.join(', ')}] }`;
      context.addIssue({ code: 'custom', path: ['noDecay'], message });
    });
}

/** A `train` section with the optimiser that it may name. */
export type TrainSettings = z.output<ReturnType<typeof trainSchema>>;
/** As a person writes it. */
export type TrainSettingsInput = z.input<ReturnType<typeof trainSchema>>;

/** A fresh optimiser: the one that the section names, else SGD. */
export function optimizerOf(
  settings: Pick<TrainSettings, 'optimizer' | 'momentum' | 'nesterov' | 'weightDecay' | 'noDecay'>,
  kinds: readonly OptimizerKind[],
): Optimizer {
  return settings.optimizer === undefined ? sgd(settings) : buildChosen(kinds, settings.optimizer);
}
