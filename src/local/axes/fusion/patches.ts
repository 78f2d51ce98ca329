import tf = require('@tensorflow/tfjs');
import { trainingMode } from '../../../engine/fused/ops.js';
import { trainableVariables } from '../../../nn/layer.js';
import { childScope, type Scope } from '../../../nn/parameters.js';
import type { Batch } from '../../batch.js';
import { computed, eagerLoss, type Computed } from '../../eager.js';
import { imageOf, type Site } from '../../site.js';
import type { Decoder } from '../decoder/decoder.js';
import { binaryCrossEntropy } from '../loss/binary-cross-entropy.js';
import type { AttachedLoss } from '../loss/loss.js';
import { joinQuadrants, quadrant, quadrants, quarter } from './quadrants.js';

/**
 * The reconstruction by quadrants: each goes through a decoder of its own, against that quadrant of the image. They run
 * one after another, each freed before the next starts.
 *
 * @throws UserError where the image or the features have an odd size.
 */
export function patchReconstruction(
  decoder: Decoder,
  scope: Scope,
  { network, features }: Site,
): AttachedLoss {
  const imagePatch = quarter(imageOf(network), 'images');
  const featurePatch = quarter(features, 'features');
  const decoders = quadrants.map((_, index) =>
    decoder(childScope(childScope(scope, 'decoder'), index), featurePatch, imagePatch),
  );
  const variables = trainableVariables(decoders);
  const quadrantLosses = (x: tf.Tensor4D, batch: Batch): Computed => {
    const pixels = batch.pixels();
    const losses = decoders.map((layer, index) => {
      const position = quadrants[index]!;
      const patch = quadrant(x, position, featurePatch);
      const result = computed(patch, trainableVariables([layer]), (input) =>
        binaryCrossEntropy(layer.forward(input, trainingMode), quadrant(pixels, position, imagePatch)),
      );
      patch.dispose();
      return result;
    });
    return {
      value: losses.map(({ value }) => value).reduce((sum, value) => tf.add(sum, value)),
      gradient: joinQuadrants(losses.map(({ gradient }) => gradient)),
      variableGradients: losses.flatMap(({ variableGradients }) => variableGradients),
    };
  };
  return {
    layers: decoders,
    loss: (x, batch) => eagerLoss(x, variables, (map) => quadrantLosses(map as tf.Tensor4D, batch)),
  };
}
