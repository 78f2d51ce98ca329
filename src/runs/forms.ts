import { z } from 'zod';
import { functionSchema, pathSchema, signalSchema } from '../core/given.js';
import { datasetSchema } from '../data/forms.js';

/** What functions over runs are given, for programs that no type checker has seen. */

/** What `loadConfig` gives as `config`. */
export const configSchema = z.object(
  {
    seed: z.int(),
    engine: z.string(),
    data: z.looseObject({}),
    network: z.looseObject({ name: z.string() }),
    train: z.looseObject({}),
  },
  { error: "must be a config, as of loadConfig's { config } or parseConfig" },
);

/** Everything that configs can name. */
export const registrySchema = z.object(
  { methods: z.array(z.unknown()), networks: z.array(z.unknown()), datasets: z.array(z.unknown()) },
  { error: "must be a registry, as of loadConfig's { registry } or registryWith" },
);

/** What `openExperiment` gives. */
export const experimentSchema = z.object(
  {
    config: configSchema,
    registry: registrySchema,
    engine: z.object({ name: z.string() }),
    dataset: datasetSchema,
  },
  { error: 'must be what openExperiment gives' },
);

/** A method of a config. */
export const methodSchema = z.object(
  { method: z.object({ name: z.string() }), options: z.looseObject({}) },
  { error: 'must be a method of a config: its method, or one of its methods' },
);

/** Where and how runs are recorded. */
export const runOptionsSchema = z.object({
  signal: signalSchema.optional(),
  observer: z.object({ start: functionSchema, event: functionSchema, note: functionSchema }).optional(),
});

/** Where new run folders are made. */
export const parentSchema = runOptionsSchema.extend({ parent: pathSchema });
