import type { Dataset } from '../data/dataset.js';
import { createBatch } from '../local/batch.js';
import type { Strategy } from '../local/strategy.js';
import { forwardAlone } from './forward-alone.js';

/**
 * Tries a strategy, as `forwardAlone` does, on the image of a data set that is least a picture, where there is one with
 * values beyond 0…1.
 *
 * Throws a UserError where a loss rebuilds images, which must be pictures for that.
 */
export function checkPixels(strategy: Strategy, dataset: Dataset): void {
  const { imageShape, train } = dataset;
  if (train.kind !== 'memory' || train.images instanceof Uint8Array) return;
  const odd = train.images.findIndex((value) => !(value >= 0 && value <= 1));
  if (odd < 0) return;
  const length = imageShape.reduce((product, side) => product * side, 1);
  const image = Math.floor(odd / length);
  const pixels = train.images.subarray(image * length, (image + 1) * length);
  // Twice, as batch normalisation needs two.
  const images = new Float32Array(2 * length);
  for (const at of [0, length]) images.set(pixels, at);
  const labels = Uint16Array.of(0, 0);
  forwardAlone(strategy, () => createBatch(images, labels, imageShape, strategy.network.classes, dataset));
}
