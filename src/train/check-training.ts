import { z } from 'zod';
import { UserError } from '../core/errors.js';
import { checkGiven, functionSchema, signalSchema } from '../core/given.js';
import type { Dataset } from '../data/dataset.js';
import { datasetSchema } from '../data/forms.js';
import { strategySchema } from '../local/forms.js';
import type { Strategy } from '../local/strategy.js';

/** What optimisers look like, for programs and plugins that no type checker has seen. */
export const optimizerSchema = z.object({
  step: functionSchema,
  state: functionSchema,
  restore: functionSchema,
  dispose: functionSchema,
});

/** And engines. */
export const engineSchema = z.object(
  { name: z.string(), memory: z.object({ peak: functionSchema, reset: functionSchema }) },
  { error: 'must be an engine, as of selectEngine' },
);

/** Of what `train` is given beside a config's `train` section. */
const forms = {
  strategy: strategySchema,
  dataset: datasetSchema,
  options: z.object({
    seed: z.int(),
    engine: engineSchema,
    metrics: z.array(z.object({ name: z.string(), start: functionSchema })).optional(),
    signal: signalSchema.optional(),
    onEvent: functionSchema.optional(),
    onState: functionSchema.optional(),
  }),
};

/**
 * Refuses what no training can be made of, for programs that no type checker has seen.
 *
 * @throws UserError that names it
 */
export function checkTraining(strategy: Strategy, dataset: Dataset, options: unknown): void {
  checkGiven('train', forms, { strategy, dataset, options });
  const { network } = strategy;
  if (!dataset.test) throw new UserError('train: dataset.test: missing; must be a split of images');
  if (dataset.classes.length <= network.classes) return;
  throw new UserError(
    `train: dataset: has ${dataset.classes.length} classes, and ${network.name} tells ${network.classes} apart: build the network for as many`,
  );
}

/** The same of an optimiser that a program has made. */
export function checkMadeOptimizer(optimizer: unknown): void {
  checkGiven('train', { 'options.optimizer': optimizerSchema }, { 'options.optimizer': optimizer });
}
