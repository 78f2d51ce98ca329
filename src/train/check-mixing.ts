import { noiseBatch } from '../local/noise-batch.js';
import type { Strategy } from '../local/strategy.js';
import { forwardAlone } from './forward-alone.js';

/**
 * Tries a strategy on a few mixed images, as `forwardAlone` does.
 *
 * Throws a UserError where a loss needs one class an image.
 */
export function checkMixing(strategy: Strategy): void {
  const { network } = strategy;
  const partners = [1, 0, 3, 2];
  forwardAlone(strategy, noiseBatch(network, partners.length, network.seed, { share: 0.5, partners }));
}
