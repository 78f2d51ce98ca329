import type { Cuts } from './partition.js';

/** What the blocks of a network of `units` units would cost. All costs are bytes, 0 or more. */
export interface PartitionCosts {
  readonly units: number;
  /** Units after which it may be cut, ascending; never the last. */
  readonly sites: Cuts;
  /**
   * The most that any update of the block of units `start`…`end` needs while it runs. `previous` is the first unit of
   * the block before it, which the updates of a cascade run too; undefined for the first block.
   */
  readonly peak: (previous: number | undefined, start: number, end: number) => number;
  /** What a cut after this unit adds to what is held all the time: auxiliary nets and their optimiser state. */
  readonly held: (cut: number) => number;
}

export interface BalancedPartition {
  readonly cuts: Cuts;
  /** The largest peak and what is held beside it. */
  readonly bytes: number;
}

/**
 * The cuts into `count` blocks with the smallest largest peak plus what is held: exact for the costs given, and the
 * same ones every time. Undefined where there are too few sites.
 */
export function balancedCuts(costs: PartitionCosts, count: number): BalancedPartition | undefined {
  if (costs.sites.length < count - 1) return undefined;
  const table = peakTable(costs);
  const under = (limit: number): LimitedPartition | undefined => leastHeld(costs, table, count, limit);
  const peaks = [...new Set(table.values)].sort((a, b) => a - b);
  let low = 0;
  let high = peaks.length - 1;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (under(peaks[middle]!) === undefined) low = middle + 1;
    else high = middle;
  }
  let best = under(peaks[low]!)!;
  // A larger peak may still pay if the cuts that it allows hold less, down to the least that is ever held.
  let limit = best.peak + best.held - under(Infinity)!.held;
  while (limit > peaks[low]!) {
    const found = under(limit)!;
    if (found.peak + found.held < best.peak + best.held) best = found;
    limit = peaks.findLast((peak) => peak < found.peak) ?? 0;
  }
  return { cuts: best.cuts, bytes: best.peak + best.held };
}

/**
 * The peak of each block that there can be. Blocks run from one end to the next; an end is a site, or the network's
 * last unit, numbered from 1, and 0 is the network's beginning.
 */
interface PeakTable {
  readonly ends: number;
  readonly values: Float64Array;
  /** Of the block (after, end] whose predecessor is (before, after]; before = after = 0 for the first block. */
  readonly index: (before: number, after: number, end: number) => number;
}

function peakTable({ units, sites, peak }: PartitionCosts): PeakTable {
  const ends = sites.length + 1;
  const lastUnit = (end: number): number => (end === ends ? units - 1 : sites[end - 1]!);
  const firstUnit = (after: number): number => (after === 0 ? 0 : lastUnit(after) + 1);
  const index: PeakTable['index'] = (before, after, end) => (before * ends + after) * ends + end - 1;
  const values = new Float64Array(ends ** 3);
  for (let end = 1; end <= ends; end++) {
    values[index(0, 0, end)] = peak(undefined, 0, lastUnit(end));
    for (let after = 1; after < end; after++) {
      for (let before = 0; before < after; before++) {
        values[index(before, after, end)] = peak(firstUnit(before), firstUnit(after), lastUnit(end));
      }
    }
  }
  return { ends, values, index };
}

interface LimitedPartition {
  readonly cuts: Cuts;
  /** The largest of its blocks. */
  readonly peak: number;
  readonly held: number;
}

/**
 * Of the partitions whose blocks all stay within the limit the one that holds least: dynamic programming over blocks.
 * Of all beginnings that end with the same block (after, end] only the one that holds least is worth continuing.
 */
function leastHeld(
  { sites, held }: PartitionCosts,
  { ends, values, index }: PeakTable,
  count: number,
  limit: number,
): LimitedPartition | undefined {
  const heldAfter = (end: number): number => (end === ends ? 0 : held(sites[end - 1]!));
  const state = (after: number, end: number): number => after * (ends + 1) + end;
  const empty = (): Beginnings => ({
    held: new Float64Array((ends + 1) ** 2).fill(Infinity),
    before: new Int32Array((ends + 1) ** 2),
  });
  const first = empty();
  for (let end = 1; end <= ends; end++) {
    if (values[index(0, 0, end)]! <= limit) first.held[state(0, end)] = heldAfter(end);
  }
  const beginnings = [first];
  for (let block = 2; block <= count; block++) {
    const known = beginnings.at(-1)!.held;
    const longer = empty();
    // Each block still to come needs an end; the last block takes the last.
    const highest = ends - (count - block);
    for (let end = block === count ? ends : block; end <= highest; end++) {
      const own = heldAfter(end);
      for (let after = block - 1; after < end; after++) {
        for (let before = block - 2; before < after; before++) {
          const total = known[state(before, after)]! + own;
          if (total >= longer.held[state(after, end)]! || values[index(before, after, end)]! > limit)
            continue;
          longer.held[state(after, end)] = total;
          longer.before[state(after, end)] = before;
        }
      }
    }
    beginnings.push(longer);
  }
  const complete = beginnings.at(-1)!.held;
  let after = 0;
  for (let each = 1; each < ends; each++) {
    if (complete[state(each, ends)]! < complete[state(after, ends)]!) after = each;
  }
  const total = complete[state(after, ends)]!;
  if (total === Infinity) return undefined;
  const cuts: number[] = [];
  let peak = 0;
  let end = ends;
  for (const { before } of beginnings.toReversed()) {
    const start = before[state(after, end)]!;
    peak = Math.max(peak, values[index(start, after, end)]!);
    if (after > 0) cuts.unshift(sites[after - 1]!);
    [after, end] = [start, after];
  }
  return { cuts, peak, held: total };
}

/** By the last block: what is held, and where the block before it begins. */
interface Beginnings {
  readonly held: Float64Array;
  readonly before: Int32Array;
}
