import * as tf from '@tensorflow/tfjs';
import type { Dataset, ImageBatch } from '../data/dataset.js';
import { evaluationMode } from '../engine/fused/ops.js';
import { scoped } from '../engine/scoped.js';
import { UserError } from '../errors.js';
import { createBatch } from '../local/batch.js';
import { crossEntropy } from '../local/losses.js';
import { networkForward, type Network } from '../networks/network.js';

export interface Evaluation {
  /** 0…1. */
  readonly accuracy: number;
  /** Mean cross-entropy. */
  readonly loss: number;
}

/**
 * Accuracy and loss of a network on batches, running statistics in use. `onBatch` runs after each batch; where it comes
 * to false, evaluation ends and gives undefined.
 * @throws UserError if the batches have no image
 */
export async function evaluate(
  network: Network,
  dataset: Dataset,
  batches: AsyncIterable<ImageBatch>,
  onBatch: () => Promise<boolean> = () => Promise.resolve(true),
): Promise<Evaluation | undefined> {
  let correct = 0;
  let loss = 0;
  let count = 0;
  for await (const { images, labels, size } of batches) {
    const [right, batchLoss] = scoped(() => {
      const batch = createBatch(images, labels, dataset.imageShape, network.classes, dataset);
      const logits = networkForward(network, batch.images, evaluationMode);
      const hits = tf.sum(tf.equal(tf.argMax(logits, 1), tf.argMax(batch.labels, 1)));
      return [hits.dataSync()[0]!, crossEntropy(logits, batch.labels).dataSync()[0]!] as const;
    });
    correct += right;
    loss += batchLoss * size;
    count += size;
    if (!(await onBatch())) return undefined;
  }
  if (count === 0) throw new UserError('there is no image to evaluate on: all of them are bad');
  return { accuracy: correct / count, loss: loss / count };
}
