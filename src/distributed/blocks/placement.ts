import { UserError } from '../../core/errors.js';

/** The blocks of one rank: those from `first` up to, not with, `end`, counted from 0. */
export interface RankBlocks {
  readonly first: number;
  readonly end: number;
}

/** Of each rank, in their order; together all blocks, each rank's following those of the rank before. */
export type BlockPlacement = readonly RankBlocks[];

/**
 * Places blocks on ranks.
 *
 * @param blocks how many there are
 * @param cuts the last block of each rank but the last, counted from 1, as in `parallel.cuts`
 * @throws UserError where they are no cuts of so many blocks
 */
export function placeBlocks(blocks: number, cuts: readonly number[]): BlockPlacement {
  const ends = [...cuts, blocks];
  const wrong = ends.findIndex((end, i) => end <= (ends[i - 1] ?? 0));
  if (wrong >= 0 || !ends.every((end) => Number.isInteger(end))) {
    throw new UserError(
      `parallel.cuts: [${cuts.join(', ')}] are the last blocks of all ranks but the last, counted from 1: they have to rise and to stay below ${blocks}, the number of blocks`,
    );
  }
  return ends.map((end, i) => ({ first: ends[i - 1] ?? 0, end }));
}

/**
 * The cuts with which the rank that takes longest takes least; of equal ones those that cut earliest.
 *
 * @param costs of each block, in their order: seconds, or anything that adds up
 * @returns the last block of each rank but the last, counted from 1
 * @throws UserError where there are fewer blocks than ranks
 */
export function balancedRankCuts(costs: readonly number[], ranks: number): number[] {
  if (costs.length < ranks) {
    const blocks = costs.length === 1 ? '1 block' : `${costs.length} blocks`;
    throw new UserError(
      `parallel.blocks: ${blocks} cannot be divided among ${ranks} ranks; ask for more blocks of the method, or for fewer ranks`,
    );
  }
  const before = [0];
  for (const cost of costs) before.push(before.at(-1)! + cost);
  /** Of the first `end` blocks on so many ranks: the longest rank's cost, and where the last of them begins. */
  let best = before.map((cost) => ({ cost, cuts: [] as number[] }));
  for (let rank = 2; rank <= ranks; rank++) {
    const shorter = best;
    best = before.map((_, end) => {
      let found = { cost: Infinity, cuts: [] as number[] };
      for (let cut = rank - 1; cut < end; cut++) {
        const { cost: others, cuts } = shorter[cut]!;
        const cost = Math.max(others, before[end]! - before[cut]!);
        if (cost < found.cost) found = { cost, cuts: [...cuts, cut] };
      }
      return found;
    });
  }
  return best.at(-1)!.cuts;
}
