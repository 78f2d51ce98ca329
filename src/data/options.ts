import { z } from 'zod';
import { datasetNames } from './registry.js';

/** The `data` section of a config. */
export const dataOptionsSchema = z.strictObject({
  name: z.enum(datasetNames),
  /** The folder that holds the files, where they are not in their usual place. */
  dir: z.string().min(1).exactOptional(),
  /** How many images of the split to take, each class with an equal share; all of them if not given. */
  trainImages: z.int().min(1).exactOptional(),
  testImages: z.int().min(1).exactOptional(),
});

export type DataOptions = z.output<typeof dataOptionsSchema>;
