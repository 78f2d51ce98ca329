import type * as tf from '@tensorflow/tfjs';
import { UserError } from '../../../core/errors.js';
import { evaluationMode, trainingMode } from '../../../engine/fused/ops.js';
import { conv } from '../../../nn/layers.js';
import { childScope } from '../../../nn/parameters.js';
import type { AuxiliaryNet } from '../auxiliary/auxiliary.js';
import { publishedWidths } from '../auxiliary/convolutional.js';
import { convolutionalDecoder, type Decoder } from '../decoder/decoder.js';
import { averagedPatches, patchReconstruction, summedQuadrants, type Fusion } from '../fusion/fusion.js';
import type { Batch } from '../../batch.js';
import { binaryCrossEntropy, crossEntropy, supervisedContrast } from './losses.js';
import { weightedSum, type ObjectiveBuilder } from '../../objective.js';
import { imageOf, type Site } from '../../site.js';
import { similarityLoss } from './similarity.js';

/** The axes that a loss reads. */
export interface LossParts {
  readonly auxiliary: AuxiliaryNet;
  readonly fusion: Fusion;
}

/** The loss axis: one term, or a weighted sum of terms. */
export interface LocalLoss {
  /** Whether a term rebuilds the image: fusion by `patches` needs one. */
  readonly reconstructs: boolean;
  /** Whether a term reads the auxiliary net: fusion by `patch-average` needs one. */
  readonly classifies: boolean;
  build(parts: LossParts): ObjectiveBuilder;
}

export type LabelLoss = 'cross-entropy' | 'contrast';

/** Cross-entropy of the auxiliary net's logits, or supervised contrast of its outputs as features of `width`. */
export function labels(loss: LabelLoss, width = publishedWidths.features): LocalLoss {
  if (loss === 'cross-entropy') return classification(crossEntropy);
  return classification(supervisedContrast, width, (batch) => batch.hardLabels());
}

/**
 * `classifier`: the auxiliary net's outputs `[n, outputs]` against the labels, one-hot `[n, classes]`, by a loss of
 * one's own, the mean over the batch. By default there are as many outputs as classes, the greatest of which is then
 * the class that the net is for; and under mixup the labels are mixed, `labelsOf` may ask for hard ones.
 */
export function classification(
  compare: (outputs: tf.Tensor2D, labels: tf.Tensor2D) => tf.Scalar,
  outputs?: number,
  labelsOf = (batch: Batch): tf.Tensor2D => batch.labels,
): LocalLoss {
  return {
    reconstructs: false,
    classifies: true,
    build:
      ({ auxiliary, fusion }) =>
      (scope, site) => {
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

/** `decoder`: the image rebuilt from the features, binary cross-entropy against pixels in 0…1 (InfoPro). */
export function reconstruction(decoder: Decoder = convolutionalDecoder()): LocalLoss {
  const whole = wholeReconstruction(decoder);
  return {
    reconstructs: true,
    classifies: false,
    build({ fusion }) {
      if (fusion === 'patches') return patchReconstruction(decoder);
      return fusion === 'patch-sum' ? summedQuadrants(whole) : whole;
    },
  };
}

function wholeReconstruction(decoder: Decoder): ObjectiveBuilder {
  return (scope, { network, features }) => {
    const layer = decoder(childScope(scope, 'decoder'), features, imageOf(network));
    return {
      layers: [layer],
      loss: (x, batch) => binaryCrossEntropy(layer.forward(x, trainingMode), batch.pixels()),
    };
  };
}

/**
 * `decoder`: PredSim's similarity of the features, after a 3×3 convolution, to that of the labels.
 *
 * Building it throws a UserError for features of a single pixel, which do not vary over space.
 */
export const similarity: LocalLoss = {
  reconstructs: false,
  classifies: false,
  build:
    () =>
    (scope, { unit, features: { height, width, channels } }) => {
      if (height * width === 1) {
        throw new UserError(
          `similarity compares how features vary over space, but those after ${unit.name} are one pixel; cut before it, or leave the similarity out`,
        );
      }
      const layer = conv(childScope(childScope(scope, 'decoder'), 0), {
        inChannels: channels,
        outChannels: channels,
        kernel: 3,
      });
      return {
        layers: [layer],
        loss: (features, batch) =>
          similarityLoss(layer.forward(features, trainingMode) as tf.Tensor4D, batch.labels),
      };
    },
};

export interface WeightedLoss {
  readonly loss: LocalLoss;
  readonly weight: (site: Site) => number;
}

/** λ1 · first + λ2 · second + …, each freed before the next starts. */
export function weighted(terms: readonly WeightedLoss[]): LocalLoss {
  return {
    reconstructs: terms.some(({ loss }) => loss.reconstructs),
    classifies: terms.some(({ loss }) => loss.classifies),
    build: (parts) =>
      weightedSum(terms.map(({ loss, weight }) => ({ objective: loss.build(parts), weight }))),
  };
}
