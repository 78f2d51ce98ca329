import type { Network } from '../networks/network.js';
import { randomStream } from '../core/random.js';
import { createBatch, type Batch, type Mixing } from './batch.js';

/**
 * Draws images and labels for a network where their values don't matter. What it returns puts them on the engine, in
 * the current tidy scope.
 */
export function noiseBatch(
  { imageShape, classes }: Pick<Network, 'imageShape' | 'classes'>,
  size: number,
  seed: number,
  mixing?: Mixing,
): () => Batch {
  const random = randomStream(seed, 'noise batch');
  const [height, width, channels] = imageShape;
  // A loop: `Uint8Array.from` takes several times as long.
  const images = new Uint8Array(size * height * width * channels);
  for (let i = 0; i < images.length; i++) images[i] = random.below(256);
  const labels = Uint16Array.from({ length: size }, () => random.below(classes));
  const each = (value: number): number[] => Array.from({ length: channels }, () => value);
  const normalization = { mean: each(0.5), std: each(0.25) };
  return () => createBatch(images, labels, imageShape, classes, normalization, mixing);
}
