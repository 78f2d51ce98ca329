import { hostname } from 'node:os';
import { z } from 'zod';
import type { Share } from '../data/loader/share.js';
import type { ProcessGroup } from '../distributed/process-group.js';
import { stepCostSchema } from '../local/step-cost.js';
import type * as tf from '@tensorflow/tfjs';
import type { RankTally } from './rank-tally.js';

export const rankUseSchema = z.object({
  host: z.string(),
  /** The engine's description of what computes. */
  device: z.string(),
  /** The first and the last of its blocks, counted from 1; absent where every rank has all. */
  blocks: z.tuple([z.int().min(1), z.int().min(1)]).exactOptional(),
  /** Which share of every batch it has, counted from 1, and of how many; absent where `blocks` is, or there is one. */
  share: z.tuple([z.int().min(1), z.int().min(1)]).exactOptional(),
  /** Of what it trains. */
  parameterBytes: z.number().min(0),
  /** Of this process's training steps, the mean: sent to the ranks beside it, or summed with all others. */
  bytesPerStep: z.number().min(0),
  /** Of the same steps, the mean: waiting for other ranks. */
  waitSecondsPerStep: z.number().min(0),
  /** The most that the meter saw during training steps. */
  peakMemoryBytes: z.number().min(0),
  /** What the rank computes itself of a training step; absent in summaries of earlier versions, and before the first step. */
  multiplyAdds: stepCostSchema.exactOptional(),
});

/** What one of the ranks that train together has, and what its steps take. Plain data. */
export type RankUse = z.infer<typeof rankUseSchema>;

/**
 * Every rank's, by rank; all of them call it at once.
 *
 * @param trained what this one steps
 * @param blocks the rank's, where it does not have all
 * @param share of every batch, where others have the same blocks
 */
export async function gatherRankUse(
  group: ProcessGroup,
  trained: ReadonlySet<tf.Variable>,
  device: string,
  { steps, bytes, waitSeconds, peakBytes, cost }: RankTally,
  blocks?: { readonly first: number; readonly end: number },
  share?: Share,
): Promise<readonly RankUse[]> {
  const own: RankUse = {
    host: hostname(),
    device,
    ...(blocks && { blocks: [blocks.first + 1, blocks.end] }),
    ...(share && { share: [share.index + 1, share.of] }),
    parameterBytes: [...trained].reduce((sum, { size }) => sum + 4 * size, 0),
    bytesPerStep: bytes / Math.max(1, steps),
    waitSecondsPerStep: waitSeconds / Math.max(1, steps),
    peakMemoryBytes: peakBytes,
    ...(cost && { multiplyAdds: cost }),
  };
  const texts = await group.exchange(JSON.stringify(own));
  return texts.map((text) => rankUseSchema.parse(JSON.parse(text)));
}
