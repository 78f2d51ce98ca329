import tf = require('@tensorflow/tfjs');
import { freeingDetached } from '../engine/detached.js';
import { detachedImages, type Batch } from '../local/batch.js';
import type { Strategy } from '../local/strategy.js';
import { freeStreams, type Streams } from '../local/update.js';

/**
 * Runs a strategy's updates forward on a few images, to learn before anything is trained whether a loss of theirs cannot
 * take them: it throws then. Changes running statistics: for a strategy that is not going to be trained.
 *
 * @param makeBatch puts the images on the engine
 */
export function forwardAlone({ updates }: Strategy, makeBatch: () => Batch): void {
  tf.tidy(() => {
    const batch = makeBatch();
    let streams: Streams = { x: detachedImages(batch) };
    try {
      for (const update of updates) {
        const next = freeingDetached(() => update.forward(streams, batch)).streams;
        freeStreams(streams, next);
        streams = next;
      }
    } finally {
      freeStreams(streams);
      for (const update of updates) update.release?.();
    }
  });
}
