import { z } from 'zod';
import { checkGiven } from '../core/given.js';
import type { EpochMetrics } from '../train/events.js';

/**
 * The epoch of the best accuracy on the split evaluated on: the first of equals, as the published scripts keep it;
 * undefined for no epochs.
 */
export function bestOf(epochs: readonly EpochMetrics[]): EpochMetrics | undefined {
  return epochs.toSorted((a, b) => b.evaluationAccuracy - a.evaluationAccuracy)[0];
}

const forms = { epochs: z.array(z.object({ epoch: z.int(), evaluationAccuracy: z.number() })) };

/**
 * Finds the epoch of the best accuracy.
 *
 * @returns its number, of the first of equals; undefined for no epochs
 */
export function bestEpoch(epochs: readonly EpochMetrics[]): number | undefined {
  checkGiven('bestEpoch', forms, { epochs });
  return bestOf(epochs)?.epoch;
}
