import type * as tf from '@tensorflow/tfjs';
import { evaluationMode, trainingMode } from '../../../engine/fused/ops.js';
import { childScope } from '../../../nn/parameters.js';
import type { Batch } from '../../batch.js';
import { publishedWidths } from '../auxiliary/convolutional.js';
import { averagedPatches } from '../fusion/patch-average.js';
import { supervisedContrast } from './contrast.js';
import { crossEntropy } from './cross-entropy.js';
import type { LocalLoss } from './loss.js';

/**
 * `classifier`: the auxiliary net's outputs against the labels, by a loss of one's own.
 *
 * @param compare outputs `[n, outputs]` and one-hot labels `[n, classes]` → the mean over the batch
 * @param outputs by default as many as classes; the greatest of them is then the class that the net is for
 * @param labelsOf a batch's labels; by default as they are, mixed under mixup, where this may ask for hard ones
 */
export function classification(
  compare: (outputs: tf.Tensor2D, labels: tf.Tensor2D) => tf.Scalar,
  outputs?: number,
  labelsOf = (batch: Batch): tf.Tensor2D => batch.labels,
): LocalLoss {
  return {
    reconstructs: false,
    classifies: true,
    attach(scope, site, { auxiliary, fusion }) {
      const build = fusion === 'patch-average' ? averagedPatches(auxiliary) : auxiliary;
      const net = build(childScope(scope, 'classifier'), site, outputs ?? site.network.classes);
      return {
        layers: [net],
        loss: (features, batch) =>
          compare(net.forward(features, trainingMode) as tf.Tensor2D, labelsOf(batch)),
        ...(outputs === undefined
          ? { logits: (features: tf.Tensor4D) => net.forward(features, evaluationMode) as tf.Tensor2D }
          : {}),
      };
    },
  };
}

/** What compares an auxiliary net's outputs with the labels. */
export type LabelLoss = 'cross-entropy' | 'contrast';

/**
 * Cross-entropy of the auxiliary net's logits, or supervised contrast of its outputs as features.
 *
 * @param width of the features that a contrast compares; 128 as in InfoPro if not given
 */
export function labels(loss: LabelLoss, width = publishedWidths.features): LocalLoss {
  if (loss === 'cross-entropy') return classification(crossEntropy);
  return classification(supervisedContrast, width, (batch) => batch.hardLabels());
}
