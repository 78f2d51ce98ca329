import { outOfMemoryIn } from '../engine/out-of-memory.js';
import { UserError } from '../core/errors.js';
import type { Dataset } from '../data/dataset.js';
import { Diverged, remedyOn } from './diverged.js';
import { NotFinite } from './run-update.js';

/**
 * What a training step failed with, as a person is told.
 *
 * @param at which step
 * @param lossesBefore of each update in the step before
 * @param dataset that it is trained on
 */
export function stepError(
  thrown: unknown,
  at: string,
  lossesBefore: Readonly<Record<string, number>>,
  dataset: Dataset,
): unknown {
  // An update says so itself; what is left is the batch.
  const error = outOfMemoryIn('the batch', 'lower train.batchSize', thrown);
  if (!(error instanceof UserError)) return error;
  if (!(error instanceof NotFinite)) return new UserError(`${at}: ${error.message}`, { cause: error });
  return new Diverged(at, error.message, lossesBefore, remedyOn(dataset), { cause: error });
}
