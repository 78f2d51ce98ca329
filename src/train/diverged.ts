import { UserError } from '../core/errors.js';

/** Losses that a message has room for; the error has them all. */
const shown = 6;

/** Training has lost its numbers: a loss or a tensor is NaN or infinite. What was saved before is not concerned. */
export class Diverged extends UserError {
  /**
   * @param at the epoch and the step: `epoch 1, step 3`
   * @param what what has become of which update's numbers
   * @param losses of each update by its name, one step before; empty where there was none
   */
  constructor(
    readonly at: string,
    what: string,
    readonly losses: Readonly<Record<string, number>>,
    options?: ErrorOptions,
  ) {
    super(`${at}: ${what}${before(losses)}: lower train.learningRate, or add train.warmupEpochs`, options);
  }
}

function before(losses: Readonly<Record<string, number>>): string {
  const all = Object.entries(losses).map(([update, loss]) => `${update} ${loss.toPrecision(4)}`);
  if (all.length === 0) return '';
  return ` (losses of the step before: ${all.slice(0, shown).join(', ')}${all.length > shown ? ', …' : ''})`;
}
