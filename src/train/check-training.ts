import { z } from 'zod';
import { checkGiven, functionSchema, signalSchema } from '../core/given.js';
import { datasetSchema } from '../data/forms.js';
import { strategySchema } from '../local/forms.js';

/** Of what `train` is given beside a config's `train` section. */
const forms = {
  strategy: strategySchema,
  dataset: datasetSchema,
  options: z.object({
    seed: z.int(),
    engine: z.object({ name: z.string(), memory: z.object({ peak: functionSchema, reset: functionSchema }) }),
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
export function checkTraining(strategy: unknown, dataset: unknown, options: unknown): void {
  checkGiven('train', forms, { strategy, dataset, options });
}
