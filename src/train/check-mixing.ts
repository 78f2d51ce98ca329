import * as tf from '@tensorflow/tfjs';
import { detach } from '../engine/detached.js';
import { createBatch } from '../local/batch.js';
import type { Strategy } from '../local/strategy.js';
import type { Streams } from '../local/update.js';

/**
 * Runs a strategy's updates forward on a few mixed images, to learn before anything is trained whether a loss of theirs
 * cannot take them. Changes running statistics: for a strategy that is not going to be trained.
 *
 * Throws a UserError where a loss needs one class an image.
 */
export function checkMixing({ network, updates }: Strategy): void {
  const { imageShape, classes } = network;
  const [height, width, channels] = imageShape;
  const partners = [1, 0, 3, 2];
  const size = partners.length;
  const images = Uint8Array.from({ length: size * height * width * channels }, (_, i) => (37 * i) % 256);
  const labels = partners.map((_, i) => i % classes);
  const each = (value: number): number[] => Array.from({ length: channels }, () => value);
  const normalization = { mean: each(0.5), std: each(0.25) };
  tf.tidy(() => {
    const batch = createBatch(images, labels, imageShape, classes, normalization, { share: 0.5, partners });
    let streams: Streams = { x: detach(batch.images) };
    for (const update of updates) streams = update.forward(streams, batch).streams;
  });
}
