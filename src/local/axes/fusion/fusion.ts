import * as tf from '@tensorflow/tfjs';
import { UserError } from '../../../core/errors.js';
import { trainingMode } from '../../../engine/fused/ops.js';
import type { MapShape } from '../../../networks/network.js';
import { trainableVariables } from '../../../nn/layer.js';
import { childScope } from '../../../nn/parameters.js';
import type { AuxiliaryNet } from '../auxiliary/auxiliary.js';
import type { Decoder } from '../decoder/decoder.js';
import type { Batch } from '../../batch.js';
import { computed, eagerLoss, type Computed } from '../../eager.js';
import { binaryCrossEntropy } from '../loss/losses.js';
import type { ObjectiveBuilder } from '../../objective.js';
import { imageOf } from '../../site.js';

export const fusions = ['whole', 'patches', 'patch-average', 'patch-sum'] as const;

/**
 * How the auxiliary nets read the feature map (HPFF's patch feature fusion, PFF). `whole`: at once. `patches`, as
 * HPFF's published CIFAR code has it: the reconstruction reads the four quadrants, each with a decoder of its own,
 * and their losses are summed. `patch-sum`, as its ImageNet code has it: one decoder rebuilds the whole image, and the
 * losses of the four quadrants of that are summed. `patch-average`, as the paper has it (§3.3): the classifier runs on
 * each quadrant and its outputs are averaged; the reconstruction stays whole.
 */
export type Fusion = (typeof fusions)[number];

/** Row and column of each quadrant, in the published code's order: along the rows first. */
const quadrants = [
  [0, 0],
  [0, 1],
  [1, 0],
  [1, 1],
] as const;

/** A quadrant of `[n, 2·height, 2·width, c]`. */
function quadrant(
  x: tf.Tensor4D,
  [row, column]: readonly [number, number],
  { height, width }: MapShape,
): tf.Tensor4D {
  return tf.slice(x, [0, row * height, column * width, 0], [-1, height, width, -1]);
}

/** The map of these quadrants, which are given up. */
function joinQuadrants(parts: readonly tf.Tensor[]): tf.Tensor {
  const join = (first: tf.Tensor, second: tf.Tensor, axis: number): tf.Tensor => {
    const joined = tf.concat([first, second], axis);
    tf.dispose([first, second]);
    return joined;
  };
  const [topLeft, topRight, bottomLeft, bottomRight] = parts as [tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor];
  return join(join(topLeft, topRight, 2), join(bottomLeft, bottomRight, 2), 1);
}

/** The shape of a quadrant; height and width must be even. */
function quarter({ height, width, channels }: MapShape, what: string): MapShape {
  if (height % 2 === 0 && width % 2 === 0) return { height: height / 2, width: width / 2, channels };
  throw new UserError(
    `fusion by patches halves height and width, but the ${what} are ${height}×${width}; use fusion 'whole' or cut elsewhere`,
  );
}

/**
 * The reconstruction by quadrants: each goes through a decoder of its own, against that quadrant of the image. They run
 * one after another, each freed before the next starts.
 *
 * Building it throws a UserError where the image or the features have an odd size.
 */
export function patchReconstruction(decoder: Decoder): ObjectiveBuilder {
  return (scope, { network, features }) => {
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
  };
}

/**
 * The reconstruction of the whole image, and the mean losses of its quadrants summed. They are of one size, so the sum is
 * four times the mean over the image.
 *
 * Building it throws a UserError where the image has an odd size.
 */
export function summedQuadrants(whole: ObjectiveBuilder): ObjectiveBuilder {
  return (scope, site) => {
    quarter(imageOf(site.network), 'images');
    const { layers, loss } = whole(scope, site);
    return { layers, loss: (x, batch) => tf.mul(loss(x, batch), quadrants.length) };
  };
}

/**
 * An auxiliary net that runs on each quadrant and averages what comes out; as its last layer is linear, that averages
 * the features before it. One net for all quadrants.
 *
 * Building it throws a UserError where the features have an odd size.
 */
export function averagedPatches(auxiliary: AuxiliaryNet): AuxiliaryNet {
  return (scope, site, outputs) => {
    const patch = quarter(site.features, 'features');
    const net = auxiliary(scope, { ...site, features: patch }, outputs);
    return {
      ...net,
      forward: (x, mode) =>
        tf.tidy(() => {
          const results = quadrants.map((position) =>
            net.forward(quadrant(x as tf.Tensor4D, position, patch), mode),
          );
          return tf.div(
            results.reduce((sum, result) => tf.add(sum, result)),
            quadrants.length,
          );
        }),
    };
  };
}
