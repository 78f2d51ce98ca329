import { z } from 'zod';
import { functionSchema } from '../core/given.js';
import { updatesSchema } from '../local/forms.js';
import { layerSchema } from '../nn/forms.js';

// The forms of what plugins build, as far as the program relies on them; those of networks, data sets and strategies are
// where these are.

export const sourceSchema = z.object({
  read: functionSchema,
  describe: functionSchema.optional(),
  isPresent: functionSchema.optional(),
  counts: functionSchema.optional(),
});

const tensorSchema = z.object({ shape: z.array(z.int()), values: z.instanceof(Float32Array) });

export const keptSchema = z.map(z.unknown(), z.record(z.string(), tensorSchema));

export const tallySchema = z.object({ add: functionSchema, total: functionSchema });

export const loggerSchema = z.object({
  epoch: functionSchema,
  step: functionSchema.optional(),
  end: functionSchema,
});

export const pathSchema = z.object({ updates: updatesSchema, auxiliary: z.array(layerSchema) });

export const bridgeSchema = z.object({
  trained: layerSchema,
  averaged: layerSchema,
  forward: functionSchema,
  evaluate: functionSchema.optional(),
  after: functionSchema,
});

export const attachedSchema = z.object({
  layers: z.array(layerSchema),
  loss: functionSchema,
  logits: functionSchema.optional(),
});
