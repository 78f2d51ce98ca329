import tf = require('@tensorflow/tfjs');
import { detachedImages } from '../local/batch.js';
import { noiseBatch } from '../local/noise-batch.js';
import type { Strategy } from '../local/strategy.js';
import type { Streams } from '../local/update.js';
import { freeStreams } from './run-update.js';

/**
 * Runs a strategy's updates forward on a few mixed images, to learn before anything is trained whether a loss of theirs
 * cannot take them. Changes running statistics: for a strategy that is not going to be trained.
 *
 * Throws a UserError where a loss needs one class an image.
 */
export function checkMixing({ network, updates }: Strategy): void {
  const partners = [1, 0, 3, 2];
  const batch = noiseBatch(network, partners.length, network.seed, { share: 0.5, partners });
  tf.tidy(() => {
    const onEngine = batch();
    let streams: Streams = { x: detachedImages(onEngine) };
    try {
      for (const update of updates) {
        const next = update.forward(streams, onEngine).streams;
        freeStreams(streams, next);
        streams = next;
      }
    } finally {
      freeStreams(streams);
      for (const update of updates) update.release?.();
    }
  });
}
