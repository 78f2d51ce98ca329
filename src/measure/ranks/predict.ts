import { placeBlocks, type RankBlocks } from '../../distributed/blocks/placement.js';
import type { BlockCost } from '../block-costs.js';
import { chooseRankCuts, rankLoad, turnSeconds, type RankLoad } from './rank-load.js';

/** What one of several ranks is going to do. */
export interface RankForecast extends RankLoad {
  /** Its first and its last block, counted from 1; absent where every rank has all. */
  readonly blocks?: readonly [first: number, last: number];
  /** Of the link, for what it sends a step. */
  readonly linkSeconds: number;
  /**
   * Where the next rank trains its last block too: what that one, the way there and back and the next rank's first block
   * take, which come in turn every step; else 0.
   */
  readonly turnSeconds: number;
}

/** How ranks are going to train a method. */
export interface Forecast {
  readonly parallel: 'blocks' | 'data';
  readonly perRank: readonly RankForecast[];
  /** Of a step, once all ranks have work: the slowest rank's or link's. */
  readonly stepSeconds: number;
  readonly imagesPerSecond: number;
  /** Over one process with one rank's cores. */
  readonly speedUp: number;
  /** What that is held up by. */
  readonly limit: { readonly rank: number; readonly by: 'computing' | 'link' | 'turns' };
  /** One process by itself. */
  readonly alone: { readonly seconds: number; readonly peakBytes: number };
}

/** How the ranks' blocks are chosen and linked. */
export interface BlockLinks {
  readonly ranks: number;
  /** The last block of each rank but the last, counted from 1; `balanced`: as `chooseRankCuts`. */
  readonly cuts: 'balanced' | readonly number[];
  readonly queue: number;
  /** Of each link, one way. */
  readonly bytesPerSecond: number;
  readonly batchSize: number;
}

/**
 * Of ranks with a run of blocks each: what they send goes while they compute, so that a step takes as long as the
 * slowest of all ranks and links, or as what two of them can only do in turn.
 *
 * @throws UserError where there are fewer blocks than ranks, or the cuts are none
 */
export function forecastBlocks(
  costs: readonly BlockCost[],
  { ranks, cuts, queue, bytesPerSecond, batchSize }: BlockLinks,
): Forecast {
  const chosen = cuts === 'balanced' ? chooseRankCuts(costs, ranks, queue) : cuts;
  const perRank = placeBlocks(costs.length, chosen).map((blocks: RankBlocks): RankForecast => {
    const load = rankLoad(costs, blocks, queue);
    const linkSeconds = Math.max(load.upBytes, load.downBytes) / bytesPerSecond;
    const last = costs[blocks.end - 1]!;
    const crossing = (last.sentBytes + last.followedBytes) / bytesPerSecond;
    const inTurn = last.lends ? turnSeconds(costs, blocks.end - 1) + crossing : 0;
    return { ...load, blocks: [blocks.first + 1, blocks.end], linkSeconds, turnSeconds: inTurn };
  });
  const { seconds, peakBytes } = rankLoad(costs, { first: 0, end: costs.length }, queue);
  return {
    parallel: 'blocks',
    perRank,
    alone: { seconds, peakBytes },
    ...paceOf(perRank, batchSize, seconds),
  };
}

/** What a step of one process takes. */
export interface StepTaken {
  readonly seconds: number;
  readonly peakBytes: number;
}

/**
 * Of ranks that share every batch: gradients are summed in a ring while other updates are computed, so that each rank
 * sends twice all but its own part of them, and holds them until they are there, once more in the piece that travels.
 *
 * @param share what a step on a rank's share of the batch takes
 * @param alone what one on the whole batch takes
 */
export function forecastData(
  share: StepTaken,
  alone: StepTaken,
  parameterBytes: number,
  { ranks, bytesPerSecond, batchSize }: Pick<BlockLinks, 'ranks' | 'bytesPerSecond' | 'batchSize'>,
): Forecast {
  const upBytes = (2 * (ranks - 1) * parameterBytes) / ranks;
  const rank: RankForecast = {
    ...{ seconds: share.seconds, parameterBytes, peakBytes: share.peakBytes + 2 * parameterBytes },
    ...{ upBytes, downBytes: 0, linkSeconds: upBytes / bytesPerSecond, turnSeconds: 0 },
  };
  const perRank = Array.from({ length: ranks }, () => rank);
  return { parallel: 'data', perRank, alone, ...paceOf(perRank, batchSize, alone.seconds) };
}

function paceOf(
  perRank: readonly RankForecast[],
  batchSize: number,
  aloneSeconds: number,
): Pick<Forecast, 'stepSeconds' | 'imagesPerSecond' | 'speedUp' | 'limit'> {
  const steps = perRank.map(({ seconds, linkSeconds, turnSeconds }) =>
    Math.max(seconds, linkSeconds, turnSeconds),
  );
  const stepSeconds = Math.max(...steps);
  const rank = steps.indexOf(stepSeconds);
  const { seconds, linkSeconds } = perRank[rank]!;
  const by = stepSeconds === seconds ? 'computing' : stepSeconds === linkSeconds ? 'link' : 'turns';
  return {
    stepSeconds,
    imagesPerSecond: batchSize / stepSeconds,
    speedUp: aloneSeconds / stepSeconds,
    limit: { rank, by },
  };
}

/** Backpropagation in stages that wait for each other: of what one process takes, and what crosses each boundary. */
export interface NaivePipeline {
  readonly stepSeconds: number;
  readonly imagesPerSecond: number;
  /** How much of its time a rank waits: the bubble, 0…1. */
  readonly idle: number;
}

/**
 * One stage computes at a time: the whole batch goes up stage by stage, its gradients come down the same way.
 *
 * @param seconds of a step in one process
 * @param boundaries bytes of the features at each cut
 */
export function naivePipeline(
  seconds: number,
  boundaries: readonly number[],
  { bytesPerSecond, batchSize }: Pick<BlockLinks, 'bytesPerSecond' | 'batchSize'>,
): NaivePipeline {
  const onLinks = boundaries.reduce((sum, bytes) => sum + (2 * bytes) / bytesPerSecond, 0);
  const stepSeconds = seconds + onLinks;
  const ranks = boundaries.length + 1;
  return {
    stepSeconds,
    imagesPerSecond: batchSize / stepSeconds,
    idle: 1 - seconds / ranks / stepSeconds,
  };
}
