import type { PixelValues } from '../data/dataset.js';
import { evaluationMode } from '../engine/fused/ops.js';
import { scoped } from '../engine/scoped.js';
import { UserError } from '../core/errors.js';
import { createBatch } from '../local/batch.js';
import type { Normalization } from '../local/normalization.js';
import { networkForward, type Network } from '../networks/network.js';
import { evaluatedAsItIs } from '../train/captured-evaluation.js';

/**
 * What a network answers to a batch of images, running statistics in use.
 *
 * @param images `[n, height, width, channels]`
 * @param imageShape `[height, width, channels]`
 * @param captured computes batches as one before was captured, of this network alone; each as it is if not given
 * @returns logits by image, `[classes]` each
 * @throws UserError if they are not finite
 */
export function logitsOf(
  network: Network,
  images: PixelValues,
  imageShape: readonly [number, number, number],
  normalization: Normalization,
  captured = evaluatedAsItIs,
): Float32Array[] {
  const { classes } = network;
  const count = images.length / imageShape.reduce((product, size) => product * size, 1);
  const values = scoped(() => {
    const batch = createBatch(images, new Uint16Array(count), imageShape, classes, normalization);
    const [logits] = captured.compute(batch, () => [networkForward(network, batch.images, evaluationMode)]);
    return logits!.dataSync() as Float32Array;
  });
  if (values.some((value) => !Number.isFinite(value))) {
    throw new UserError(
      'the network answers some images with logits that are not finite: its training diverged',
    );
  }
  return Array.from({ length: count }, (_, image) => values.slice(image * classes, (image + 1) * classes));
}
