import { z } from 'zod';

/** How ranks that were started together share a training. */
export const parallelSchema = z
  .strictObject({
    /** Over how many ranks the blocks are spread, each with a run of neighbours. */
    blocks: z.int().min(1),
    /** How many batches may be on their way from one rank to the next. */
    queue: z.int().min(1).default(2),
    /**
     * The last block of each rank but the last, counted from 1; or `balanced`: so that the rank that takes longest takes
     * least, by times that are measured when the run starts.
     */
    cuts: z.union([z.literal('balanced'), z.array(z.int().min(1)).readonly()]).default('balanced'),
  })
  .superRefine(({ blocks, cuts }, context) => {
    if (cuts === 'balanced' || cuts.length === blocks - 1) return;
    const message = `must have one number fewer than ranks: ${blocks - 1} for ${blocks}`;
    context.addIssue({ code: 'custom', path: ['cuts'], message });
  })
  .exactOptional();

export type ParallelConfig = NonNullable<z.output<typeof parallelSchema>>;
