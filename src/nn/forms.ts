import { z } from 'zod';
import { functionSchema } from '../core/given.js';

/** What layers look like, for programs that no type checker has seen. */
export const layerSchema = z.object({
  parameters: z.array(z.unknown()),
  buffers: z.array(z.unknown()),
  forward: functionSchema,
});

/** What scopes look like. */
export const scopeSchema = z.object({ name: z.string(), seed: z.number() });
