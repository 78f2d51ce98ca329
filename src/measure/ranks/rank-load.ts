import { UserError } from '../../core/errors.js';
import { balancedRankCuts, type RankBlocks } from '../../distributed/blocks/placement.js';
import type { BlockCost } from '../block-costs.js';

/** What a rank with a run of blocks takes, by what each of them takes. */
export interface RankLoad {
  /** Of computing a step. */
  readonly seconds: number;
  readonly parameterBytes: number;
  /** At most in use: what its blocks hold, what the largest of them needs to run, and batches on their way. */
  readonly peakBytes: number;
  /** Sent to the next rank a step. */
  readonly upBytes: number;
  /** Sent to the rank before a step. */
  readonly downBytes: number;
}

/** @param queue how many batches may be on their way to a rank, and so be held on both sides */
export function rankLoad(costs: readonly BlockCost[], { first, end }: RankBlocks, queue: number): RankLoad {
  const own = costs.slice(first, end);
  const sum = (of: (cost: BlockCost) => number): number => own.reduce((total, cost) => total + of(cost), 0);
  const [below, last] = [costs[first - 1], own.at(-1)!];
  return {
    seconds: sum(({ seconds }) => seconds),
    parameterBytes: sum(({ parameterBytes }) => parameterBytes),
    peakBytes:
      sum(({ heldBytes }) => heldBytes) +
      Math.max(...own.map(({ workBytes }) => workBytes)) +
      queue * ((below?.outBytes ?? 0) + last.outBytes),
    upBytes: last.sentBytes,
    downBytes: below?.followedBytes ?? 0,
  };
}

/** What a block and the next one can only do in turn, where the next one's first update trains it too; else 0. */
export function turnSeconds(costs: readonly BlockCost[], block: number): number {
  const { lends, seconds } = costs[block]!;
  return lends ? seconds + costs[block + 1]!.seconds : 0;
}

/**
 * The cuts between ranks that balance time and memory, as `balancedRankCuts`.
 *
 * @throws UserError where there are fewer blocks than ranks
 */
export function chooseRankCuts(costs: readonly BlockCost[], ranks: number, queue: number): number[] {
  // Blocks that the first update trains from above are on its rank.
  const above = costs.findIndex(({ seconds }) => seconds > 0);
  const own = costs.slice(above);
  if (above > 0 && own.length < ranks) {
    throw new UserError(
      `parallel.blocks: ${costs.length} blocks, of which the first ${above + 1} have to be on one rank, cannot be divided among ${ranks} ranks; ask for more blocks of the method, or for fewer ranks`,
    );
  }
  const cuts = balancedRankCuts(
    own.map(({ seconds }) => seconds),
    ranks,
    (blocks) => rankLoad(own, blocks, queue).peakBytes,
    own.map((_, block) => turnSeconds(own, block)),
  );
  return cuts.map((cut) => above + cut);
}
