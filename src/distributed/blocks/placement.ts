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

/** How much longer than the least the slowest rank may take, where that saves memory. */
const slack = 1.02;

/**
 * The cuts with which the rank that takes longest takes least. Given memory too, of all cuts with which it takes at most
 * 5 % longer than that the ones with the least largest peak, and of those the fastest. Of equal ones those that cut
 * earliest.
 *
 * @param costs of each block, in their order: seconds, or anything that adds up
 * @param peak of a rank with these blocks, in bytes
 * @param turns what each block and the next can only do in turn, where they are on two ranks
 * @returns the last block of each rank but the last, counted from 1
 * @throws UserError where there are fewer blocks than ranks
 */
export function balancedRankCuts(
  costs: readonly number[],
  ranks: number,
  peak?: (blocks: RankBlocks) => number,
  turns: readonly number[] = [],
): number[] {
  const before = [0];
  for (const cost of costs) before.push(before.at(-1)! + cost);
  const time = ({ first, end }: RankBlocks): number =>
    Math.max(before[end]! - before[first]!, end < costs.length ? (turns[end - 1] ?? 0) : 0);
  const fastest = leastLargest(costs.length, ranks, time);
  if (peak === undefined) return fastest.cuts;
  const inTime = (blocks: RankBlocks): boolean => time(blocks) <= slack * fastest.cost;
  const smallest = leastLargest(costs.length, ranks, (blocks) => (inTime(blocks) ? peak(blocks) : Infinity));
  const fits = (blocks: RankBlocks): boolean => inTime(blocks) && peak(blocks) <= smallest.cost;
  return leastLargest(costs.length, ranks, (blocks) => (fits(blocks) ? time(blocks) : Infinity)).cuts;
}

/** The cuts with which the largest of the ranks' costs is least, and that. */
function leastLargest(
  blocks: number,
  ranks: number,
  cost: (blocks: RankBlocks) => number,
): { readonly cost: number; readonly cuts: number[] } {
  if (blocks < ranks) {
    const all = blocks === 1 ? '1 block' : `${blocks} blocks`;
    throw new UserError(
      `parallel.blocks: ${all} cannot be divided among ${ranks} ranks; ask for more blocks of the method, or for fewer ranks`,
    );
  }
  /** Of the first `end` blocks on so many ranks: the largest rank's cost, and where the ranks end. */
  let best = Array.from({ length: blocks + 1 }, (_, end) => ({
    cost: end === 0 ? 0 : cost({ first: 0, end }),
    cuts: [] as number[],
  }));
  for (let rank = 2; rank <= ranks; rank++) {
    const shorter = best;
    best = shorter.map((_, end) => {
      let found = { cost: Infinity, cuts: [] as number[] };
      for (let first = rank - 1; first < end; first++) {
        const { cost: others, cuts } = shorter[first]!;
        const larger = Math.max(others, cost({ first, end }));
        if (larger < found.cost) found = { cost: larger, cuts: [...cuts, first] };
      }
      return found;
    });
  }
  return best.at(-1)!;
}
