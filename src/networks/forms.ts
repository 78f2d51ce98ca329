import { z } from 'zod';
import { functionSchema, imageShapeSchema } from '../core/given.js';
import { layerSchema } from '../nn/forms.js';

/** What a data set and a seed decide of a network. */
export const networkInputsSchema = z.object({
  classes: z.int().min(1),
  imageShape: imageShapeSchema,
  seed: z.int(),
});

/** What networks that come with several numbers of layers are built for. */
export const layeredNetworkForms = { options: networkInputsSchema.extend({ layers: z.number() }) };

/** What units look like that have no layer yet. */
export const bareUnitSchema = z.object({
  name: z.string(),
  stage: z.int(),
  index: z.int(),
  output: z.object({ height: z.int(), width: z.int(), channels: z.int() }),
  build: functionSchema,
});

/** What networks look like, for programs and plugins that no type checker has seen; one of no units is its head alone. */
export const networkSchema = z
  .object({
    name: z.string(),
    ...networkInputsSchema.shape,
    units: z.array(bareUnitSchema.extend({ layer: layerSchema })),
    head: layerSchema,
    buildUnit: functionSchema.optional(),
    /** What `buildUnit` was called in the release before. */
    buildBlock: functionSchema.optional(),
  })
  .refine((network) => network.buildUnit !== undefined || network.buildBlock !== undefined, {
    path: ['buildUnit'],
    error: 'must be a function',
  });
