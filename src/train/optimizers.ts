import { z } from 'zod';
import { buildChosen, choiceSchema } from '../core/choice.js';
import { defineOptimizer, type OptimizerKind } from './optimizer.js';
import { trainOptionsSchema } from './options.js';
import { sgd, type Optimizer } from './sgd.js';

const { momentum, nesterov, weightDecay } = trainOptionsSchema.shape;

/** What is taken where none is named, with options of its own. */
const sgdKind = defineOptimizer({
  name: 'sgd',
  options: z.strictObject({ momentum, nesterov, weightDecay }),
  build: sgd,
});

/** The optimisers that there are without plugins. */
export const builtInOptimizers: readonly OptimizerKind[] = [sgdKind];

/** The `train` section of a config with these optimisers. */
export function trainSchema(kinds: readonly OptimizerKind[]) {
  return trainOptionsSchema.extend({
    /** In place of SGD with this section's `momentum`, `nesterov` and `weightDecay`, which are not read then. */
    optimizer: choiceSchema(kinds).exactOptional(),
  });
}

/** A `train` section with the optimiser that it may name. */
export type TrainSettings = z.output<ReturnType<typeof trainSchema>>;
/** As a person writes it. */
export type TrainSettingsInput = z.input<ReturnType<typeof trainSchema>>;

/** A fresh optimiser: the one that the section names, else SGD. */
export function optimizerOf(
  settings: Pick<TrainSettings, 'optimizer' | 'momentum' | 'nesterov' | 'weightDecay'>,
  kinds: readonly OptimizerKind[],
): Optimizer {
  return settings.optimizer === undefined ? sgd(settings) : buildChosen(kinds, settings.optimizer);
}
