import type { ProcessGroup } from '../distributed/process-group.js';
import type { Dataset } from '../data/dataset.js';
import { divideEpoch } from '../data/loader/divide-epoch.js';
import { shareOf } from '../data/loader/share.js';
import { UserError } from '../core/errors.js';
import type { Strategy } from '../local/strategy.js';
import type { TrainSettings } from './optimizers.js';

/** Adds numbers up over the ranks, each by its place in the list: the same sums, to the last bit, on all of them. */
export type AddUp = (numbers: readonly number[]) => Promise<readonly number[]>;

/** Of a process by itself. */
export const alone: AddUp = (numbers) => Promise.resolve(numbers);

/** A step's losses are known to all ranks together at an epoch's end, as sums. */
export const noStepsOnRanks =
  'train.logEvery: is not for several ranks, of which none knows a whole step: leave it out';

/** In the order of the ranks, in double precision. */
export function addOver(group: ProcessGroup): AddUp {
  return async (numbers) =>
    (await numbersOf(group, numbers)).reduce((sums, own) => sums.map((sum, i) => sum + own[i]!));
}

/** The most of any rank, of each. */
export function mostOver(group: ProcessGroup): AddUp {
  return async (numbers) =>
    (await numbersOf(group, numbers)).reduce((most, own) => most.map((each, i) => Math.max(each, own[i]!)));
}

async function numbersOf(group: ProcessGroup, numbers: readonly number[]): Promise<readonly number[][]> {
  const texts = await group.exchange(numbers.join(' '));
  return texts.map((text) => (text === '' ? [] : text.split(' ').map(Number)));
}

/** Throws a UserError where micro-batches would hold more than streams from update to update, which ranks do for one alone. */
export function refuseHeldParts(
  { updates }: Strategy,
  { accumulate = 1 }: Pick<TrainSettings, 'accumulate'>,
): void {
  const holding = updates.find((update) => update.release !== undefined);
  if (holding === undefined || accumulate === 1) return;
  throw new UserError(
    `train.accumulate: what update '${holding.name}' keeps for a later one is kept of one micro-batch on ranks: leave it out, or train on one rank`,
  );
}

/** Throws a UserError if a share of a whole batch would have fewer than two images. */
export function checkBatchFor(ranks: number, batchSize: number): void {
  if (batchSize >= 2 * ranks) return;
  throw new UserError(
    `train.batchSize: ${batchSize} images are too few for ${ranks} ranks, which need two each: ${2 * ranks} or more`,
  );
}

/**
 * Whether so many ranks can share the batches.
 *
 * @throws UserError if a share would have fewer than two images, or an option wants the whole batch in one place
 */
export function checkShares(
  {
    batchSize,
    lastBatch,
    accumulate = 1,
    syncBatchNorm = false,
    logEvery,
  }: Pick<TrainSettings, 'batchSize' | 'lastBatch' | 'accumulate' | 'syncBatchNorm' | 'logEvery'>,
  { train, onBadImage }: Pick<Dataset, 'train' | 'onBadImage'>,
  ranks: number,
): void {
  if (accumulate > 1 && syncBatchNorm) {
    throw new UserError(
      "train.accumulate: has batch normalisation see a micro-batch alone, and train.syncBatchNorm all ranks' shares: leave out one",
    );
  }
  if (logEvery !== undefined) throw new UserError(noStepsOnRanks);
  if (onBadImage === 'skip') {
    throw new UserError(
      'data.onBadImage: skip is not for data parallel, whose ranks know each share by its size: set it to fail',
    );
  }
  const { last } = divideEpoch(train.size, { batchSize, dropLast: lastBatch === 'drop', dropLone: true });
  const smallest = (images: number): number =>
    Math.min(...Array.from({ length: ranks }, (_, index) => shareOf(images, { index, of: ranks }).size));
  checkBatchFor(ranks, batchSize);
  if (smallest(last) < 2) {
    throw new UserError(
      `train.lastBatch: the last batch of an epoch has ${last} images, too few for ${ranks} ranks, which need two each: set it to drop`,
    );
  }
}
