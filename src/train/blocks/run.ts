import type { Dataset } from '../../data/dataset.js';
import type { Share } from '../../data/loader/share.js';
import type { LinkTally, Upward } from '../../distributed/blocks/link.js';
import type { Part } from '../../distributed/blocks/part.js';
import type { RankBlocks } from '../../distributed/blocks/placement.js';
import type { ProcessGroup } from '../../distributed/process-group.js';
import type { Strategy } from '../../local/strategy.js';
import type { CapturedSteps } from '../captured-steps.js';
import type { TrainContext } from '../context.js';
import type { EpochMetrics } from '../events.js';
import { headIndex } from '../head-update.js';
import { ownPart } from '../loaders.js';
import type { TrainSettings } from '../optimizers.js';
import type { RankTally } from '../rank-tally.js';
import type { EpochTally } from '../tally.js';
import type { WeightAverage } from '../weight-average.js';
import type { Feeds } from './feeds.js';
import type { Optimizer } from '../optimizer.js';
import type { Stepping } from './stepping.js';
import type { PutOffSteps } from '../put-off.js';
import type { AddUp } from '../over-ranks.js';

/** Ranks with the same blocks, which share every batch. */
export interface BlockShares {
  /** This rank's. */
  readonly share: Share;
  readonly putOff: PutOffSteps;
  readonly addUp: AddUp;
  readonly most: AddUp;
}

/** One rank's side of a training. */
export interface BlocksRun {
  /** All updates: those of other ranks have no memory here. */
  readonly strategy: Strategy;
  readonly parts: readonly Part[];
  readonly part: Part;
  /** This rank's. */
  readonly blocks: RankBlocks;
  /** The ranks that have all blocks, each once. */
  readonly group: ProcessGroup;
  /** With those that have the same blocks and other shares of every batch. */
  readonly all: ProcessGroup;
  readonly queue: number;
  /** What features travel as in training. */
  readonly transport: 'bf16' | undefined;
  readonly dataset: Dataset;
  readonly options: TrainSettings & TrainContext;
  /** Steps of an epoch. */
  readonly steps: number;
  readonly optimizer: Optimizer;
  /** Where steps are captured. */
  readonly captured: CapturedSteps | undefined;
  /** @param images of this rank's part of the batch of a step, counted from 0 */
  readonly stepping: (learningRate: number, step: number, images: number) => Stepping;
  /** Where other ranks have the same blocks, and other shares of every batch. */
  readonly shares: BlockShares | undefined;
  readonly average: WeightAverage | undefined;
  readonly up: Upward;
  /** Of all passes. */
  readonly link: LinkTally;
  /** Of training passes. */
  readonly use: RankTally;
  /** Where the batches come from: on rank 0. */
  readonly feeds: Feeds | undefined;
  /** Whether all ranks hand in states. */
  readonly wantsState: boolean;
  /** Those that are finished: on rank 0. */
  readonly epochs: EpochMetrics[];
  /** Losses of this rank's updates in the step before. */
  lastLosses: readonly number[] | undefined;
}

/** Which update of a part trains the network's head, by name; undefined where the part does not have it. */
export function headOf({
  strategy,
  parts,
  part,
}: Pick<BlocksRun, 'strategy' | 'parts' | 'part'>): string | undefined {
  return part === parts.at(-1) ? strategy.updates[headIndex(strategy)]!.name : undefined;
}

/** Which of a training batch's images, as they travel, are trained on here. */
export function ownPartOf(
  { shares, options: { mixup } }: BlocksRun,
  images: number,
): ReturnType<typeof ownPart> {
  return ownPart(images, { share: shares?.share, mixup });
}

/** Takes the peaks of a part's updates into what is told of them. */
export function notePeaks({ use }: BlocksRun, tally: EpochTally, peakBytes: readonly number[]): void {
  use.peakBytes = Math.max(use.peakBytes, ...peakBytes);
  peakBytes.forEach((bytes, i) => (tally.peakBytes[i] = Math.max(tally.peakBytes[i]!, bytes)));
}
