import type * as tf from '@tensorflow/tfjs';
import { trainingMode } from '../engine/fused/ops.js';
import { conv } from '../nn/layers.js';
import { childScope } from '../nn/parameters.js';
import type { AuxiliaryNet } from './auxiliary/auxiliary.js';
import { publishedWidths } from './auxiliary/convolutional.js';
import { imageDecoder } from './auxiliary/decoder.js';
import { averagedPatches, patchReconstruction, type Fusion } from './fusion.js';
import { binaryCrossEntropy, crossEntropy, supervisedContrast } from './losses.js';
import { weightedSum, type ObjectiveBuilder } from './objective.js';
import type { Site } from './site.js';
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
  build(parts: LossParts): ObjectiveBuilder;
}

export type LabelLoss = 'cross-entropy' | 'contrast';

/**
 * `classifier`: the auxiliary net's outputs against the labels, by cross-entropy or, as features of `width`, by
 * supervised contrast.
 */
export function labels(loss: LabelLoss, width = publishedWidths.features): LocalLoss {
  const compare = loss === 'contrast' ? supervisedContrast : crossEntropy;
  return {
    reconstructs: false,
    build:
      ({ auxiliary, fusion }) =>
      (scope, site) => {
        const outputs = loss === 'contrast' ? width : site.network.classes;
        const build = fusion === 'patch-average' ? averagedPatches(auxiliary) : auxiliary;
        const net = build(childScope(scope, 'classifier'), site, outputs);
        return {
          layers: [net],
          loss: (features, batch) =>
            compare(net.forward(features, trainingMode) as tf.Tensor2D, batch.labels),
        };
      },
  };
}

/**
 * `decoder`: the image rebuilt from the features, binary cross-entropy against pixels in 0…1 (InfoPro). `width` is
 * the decoder's.
 */
export function reconstruction(width = 12): LocalLoss {
  return {
    reconstructs: true,
    build: ({ fusion }) => (fusion === 'patches' ? patchReconstruction(width) : wholeReconstruction(width)),
  };
}

function wholeReconstruction(width: number): ObjectiveBuilder {
  return (scope, { network, features: { channels: inChannels } }) => {
    const [size, , channels] = network.imageShape;
    const decoder = imageDecoder(childScope(scope, 'decoder'), { inChannels, width, size, channels });
    return {
      layers: [decoder],
      loss: (features, batch) => binaryCrossEntropy(decoder.forward(features, trainingMode), batch.pixels()),
    };
  };
}

/** `decoder`: PredSim's similarity of the features, after a 3×3 convolution, to that of the labels. */
export const similarity: LocalLoss = {
  reconstructs: false,
  build:
    () =>
    (scope, { features: { channels } }) => {
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
    build: (parts) =>
      weightedSum(terms.map(({ loss, weight }) => ({ objective: loss.build(parts), weight }))),
  };
}
