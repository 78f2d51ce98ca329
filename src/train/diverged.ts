import { UserError } from '../core/errors.js';
import type { Dataset } from '../data/dataset.js';
import { farthestNormalised } from '../data/normalised-range.js';

/** Losses that a message has room for; the error has them all. */
const shown = 6;

/** Training has lost its numbers: a loss or a tensor is NaN or infinite. What was saved before is not concerned. */
export class Diverged extends UserError {
  /**
   * @param at the epoch and the step: `epoch 1, step 3`
   * @param what what has become of which update's numbers
   * @param losses of each update by its name, one step before; empty where there was none
   * @param remedy what to do, a part of a sentence
   */
  constructor(
    readonly at: string,
    what: string,
    readonly losses: Readonly<Record<string, number>>,
    remedy: string,
    options?: ErrorOptions,
  ) {
    super(`${at}: ${what}${before(losses)}: ${remedy}`, options);
  }
}

/** Normalised values are a few; where they are as far from 0 as this, no learning rate is to blame. */
const farFromZero = 1000;

/** What to do where training on these images has lost its numbers. */
export function remedyOn({
  name,
  train,
  mean,
  std,
}: Pick<Dataset, 'name' | 'train' | 'mean' | 'std'>): string {
  const farthest = farthestNormalised(train, { mean, std });
  if (farthest < farFromZero) return 'lower train.learningRate, or add train.warmupEpochs';
  return `the images of ${name}, normalised, go up to ${farthest.toPrecision(3)}, where a few are usual: give the mean and std of their values, or scale them`;
}

function before(losses: Readonly<Record<string, number>>): string {
  const all = Object.entries(losses).map(([update, loss]) => `${update} ${loss.toPrecision(4)}`);
  if (all.length === 0) return '';
  return ` (losses of the step before: ${all.slice(0, shown).join(', ')}${all.length > shown ? ', …' : ''})`;
}
