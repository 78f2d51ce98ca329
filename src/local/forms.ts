import { z } from 'zod';
import { functionSchema } from '../core/given.js';

/** What updates look like, for programs and plugins that no type checker has seen. */
export const updatesSchema = z
  .array(
    z.object({
      name: z.string(),
      variables: z.array(z.unknown()),
      forward: functionSchema,
      classifier: z.object({ after: z.string(), logits: functionSchema }).optional(),
    }),
  )
  .min(1);

/** And strategies. */
export const strategySchema = z.object({
  name: z.string(),
  network: z.object({ units: z.array(z.unknown()) }),
  blocks: z.int().min(1),
  partition: z.array(z.array(z.string())),
  updates: updatesSchema,
  auxiliary: z.array(z.unknown()),
  dispose: functionSchema,
});

/** A loss at no place yet. */
export const lossSchema = z.object({
  reconstructs: z.boolean(),
  classifies: z.boolean(),
  attach: functionSchema,
});
