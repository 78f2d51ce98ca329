import { z } from 'zod';
import { UserError } from '../../core/errors.js';
import { check } from '../../core/schema-problems.js';
import type { ConfiguredMethod, Method } from '../method.js';

/** The options of where to cut, in the form that they have in methods of every origin. */
const partitionSchema = z.object({
  /** How many blocks there shall be. */
  blocks: z.number().exactOptional(),
  /** Names of the units that end a block, or a word for a way to find them. */
  cuts: z.union([z.string(), z.array(z.string()).readonly()]).exactOptional(),
});

/** Where a method shall cut, as its options say it. */
export type MethodPartition = Readonly<z.output<typeof partitionSchema>>;

/** Whether a method can be told how many blocks there shall be. */
export function takesBlocks({ options }: Method): boolean {
  return Object.hasOwn(options.shape, 'blocks');
}

/** What a method's options say of where to cut: nothing where it has no such options. */
export function partitionOf({ options }: ConfiguredMethod): MethodPartition {
  return partitionSchema.safeParse(options).data ?? {};
}

/**
 * A method's options with this to say of where to cut, and nothing else.
 * @throws UserError if the method has no such option, or does not take that value
 */
export function withPartition(
  { method: { name, options: schema }, options }: ConfiguredMethod,
  partition: MethodPartition,
): ConfiguredMethod['options'] {
  for (const [key, value] of Object.entries(partition)) {
    const own = schema.shape[key] as z.ZodType | undefined;
    if (own === undefined) throw new UserError(`${name}: has no option ${key} that says where to cut`);
    const result = check(own, value);
    if ('problems' in result) throw new UserError(`${name}: ${key}: ${result.problems[0]!.message}`);
  }
  const others = Object.entries(options).filter(([key]) => !Object.hasOwn(partitionSchema.shape, key));
  return { ...Object.fromEntries(others), ...partition };
}
