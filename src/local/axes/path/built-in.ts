import { z } from 'zod';
import { buildChosen, choiceSchema, type Choice } from '../../../core/choice.js';
import type { LocalLoss } from '../loss/loss.js';
import { cascadePath, cascadeWeights } from './cascade.js';
import { independent } from './independent.js';
import { definePath } from './path.js';

const cascade = (losses: readonly Choice<LocalLoss>[]) =>
  definePath({
    name: 'cascade',
    options: z.strictObject({
      /** How many neighbouring blocks a cascade joins. */
      length: z.int().min(2).default(2),
      ...cascadeWeights,
      /** Loss of each block on its own; that of the pairs is the strategy's. */
      independentLoss: choiceSchema(losses).prefault('cross-entropy'),
    }),
    build: ({ independentLoss, ...options }) =>
      cascadePath({ ...options, independentLoss: buildChosen(losses, independentLoss) }),
  });

/** The paths that there are without plugins; some choose among the losses. */
export const builtInPaths = (losses: readonly Choice<LocalLoss>[]) => [independent, cascade(losses)];
