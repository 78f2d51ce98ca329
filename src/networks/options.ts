import { z } from 'zod';

const resnet = z.strictObject({
  name: z.literal('resnet'),
  depth: z.int().refine((depth) => depth >= 8 && depth % 6 === 2, 'must be 6m+2: 8, 14, 20, 26, 32, … 110'),
});

/** The `network` section of a config. */
export const networkOptionsSchema = z.discriminatedUnion('name', [resnet]);

export type NetworkOptions = z.output<typeof networkOptionsSchema>;
