import { scoped } from '../engine/scoped.js';
import { UserError } from '../core/errors.js';
import { noiseBatch } from '../local/noise-batch.js';
import type { Strategy } from '../local/strategy.js';
import { sgd } from './sgd.js';
import { planSteps, trainStep } from './step.js';

/**
 * Takes a step on one image, to learn before anything is trained whether that is enough for a batch: batch
 * normalisation over features of 1×1 has no variance then. Changes running statistics: for a strategy that is not going
 * to be trained.
 *
 * @param accumulate micro-batches that the batch is cut into
 *
 * Throws a UserError where one image is too few.
 */
export function checkLoneImage(strategy: Strategy, accumulate = 1): void {
  const { network, updates } = strategy;
  const batch = noiseBatch(network, 1, network.seed);
  const optimizer = sgd({ momentum: 0, nesterov: false, weightDecay: 0 });
  try {
    scoped(() => trainStep(strategy, planSteps(updates), optimizer, 0, batch()));
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    const key =
      accumulate === 1
        ? 'train.batchSize: 1 is'
        : `train.accumulate: ${accumulate} leaves 1 image a micro-batch,`;
    throw new UserError(`${key} too few: ${error.message}`, { cause: error });
  } finally {
    optimizer.dispose();
  }
}
