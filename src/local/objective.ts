import * as tf from '@tensorflow/tfjs';
import { trainingMode } from '../engine/fused/ops.js';
import { trainableVariables, type Layer } from '../nn/layer.js';
import { childScope, type Scope } from '../nn/parameters.js';
import { featureWidth } from './auxiliary/convolutional.js';
import type { AuxiliaryNet } from './auxiliary/auxiliary.js';
import { imageDecoder } from './auxiliary/decoder.js';
import type { Batch } from './batch.js';
import { eagerLoss } from './eager.js';
import { patchReconstruction } from './fusion.js';
import { binaryCrossEntropy, crossEntropy, supervisedContrast } from './losses.js';
import type { Site } from './site.js';

/** A local loss and the auxiliary nets that it trains. */
export interface Objective {
  readonly layers: readonly Layer[];
  /** Features `[n, h, w, c]` → mean loss over the batch. */
  loss(features: tf.Tensor4D, batch: Batch): tf.Scalar;
}

export type ObjectiveBuilder = (scope: Scope, site: Site) => Objective;

export type ClassificationLoss = 'cross-entropy' | 'contrast';

/** `classifier`: the auxiliary net's outputs against the labels. */
export function classification(auxiliary: AuxiliaryNet, loss: ClassificationLoss): ObjectiveBuilder {
  return (scope, site) => {
    const outputs = loss === 'contrast' ? featureWidth : site.network.classes;
    const net = auxiliary(childScope(scope, 'classifier'), site, outputs);
    const compare = loss === 'contrast' ? supervisedContrast : crossEntropy;
    return {
      layers: [net],
      loss: (features, batch) => compare(net.forward(features, trainingMode) as tf.Tensor2D, batch.labels),
    };
  };
}

/**
 * How a reconstruction reads the feature map: `whole` at once, or by `patches`, the four quadrants each with its own
 * decoder, their losses summed (HPFF's patch feature fusion, as its published CIFAR code has it).
 */
export type Fusion = 'whole' | 'patches';

/** `decoder`: the image rebuilt from the features, binary cross-entropy against pixels in 0…1 (InfoPro). */
export function reconstruction(fusion: Fusion): ObjectiveBuilder {
  if (fusion === 'patches') return patchReconstruction;
  return (scope, { network, features: { channels: inChannels } }) => {
    const [size, , channels] = network.imageShape;
    const decoder = imageDecoder(childScope(scope, 'decoder'), { inChannels, size, channels });
    return {
      layers: [decoder],
      loss: (features, batch) => binaryCrossEntropy(decoder.forward(features, trainingMode), batch.pixels()),
    };
  };
}

export interface WeightedTerm {
  readonly objective: ObjectiveBuilder;
  readonly weight: (site: Site) => number;
}

/** The weighted sum of objectives; each holds its activations only while its own gradients are computed. */
export function weightedSum(terms: readonly WeightedTerm[]): ObjectiveBuilder {
  return (scope, site) => {
    const built = terms.map(({ objective, weight }) => {
      const { layers, loss } = objective(scope, site);
      return { layers, loss, weight: weight(site), variables: trainableVariables(layers) };
    });
    return {
      layers: built.flatMap(({ layers }) => layers),
      loss: (features, batch) =>
        built
          .map(({ loss, weight, variables }) =>
            eagerLoss(features, variables, (x) => tf.mul(loss(x, batch), weight)),
          )
          .reduce((sum, term) => tf.add(sum, term)),
    };
  };
}
