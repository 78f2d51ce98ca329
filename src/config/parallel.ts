import { z } from 'zod';

/** Each rank has a run of the network's blocks, and hands features on to the next. */
const blocksSchema = z
  .strictObject({
    /** Over how many ranks the blocks are spread, each with a run of neighbours. */
    blocks: z.int().min(1),
    /** How many times over: ranks with the same blocks train on a share of every batch each. */
    data: z.int().min(1).default(1),
    /** How many batches may be on their way from one rank to the next. */
    queue: z.int().min(1).default(2),
    /**
     * The last block of each rank but the last, counted from 1; or `balanced`: so that the rank that takes longest takes
     * least, by times that are measured when the run starts.
     */
    cuts: z.union([z.literal('balanced'), z.array(z.int().min(1)).readonly()]).default('balanced'),
    /** What features travel as while training: `bf16` halves their bytes, and rounds them. Default: as they are held. */
    transport: z.literal('bf16').exactOptional(),
  })
  .superRefine(({ blocks, cuts }, context) => {
    if (cuts === 'balanced' || cuts.length === blocks - 1) return;
    const message = `must have one number fewer than ranks: ${blocks - 1} for ${blocks}`;
    context.addIssue({ code: 'custom', path: ['cuts'], message });
  });

/**
 * How ranks that were started together share a training: `data`, each trains on a share of every batch; or by blocks, or
 * both.
 */
export const parallelSchema = z.union([z.literal('data'), blocksSchema]).exactOptional();

/** A network's blocks spread over ranks. */
export interface BlockParallel {
  /** How many ranks. */
  readonly blocks: number;
  /** How many times over, each on a share of every batch. */
  readonly data: number;
  /** How many batches may be on their way from one rank to the next. */
  readonly queue: number;
  /** The last block of each rank but the last, counted from 1; or by measured times. */
  readonly cuts: 'balanced' | readonly number[];
  /** Rounds what travels up while training. */
  readonly transport?: 'bf16';
}
