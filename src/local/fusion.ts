import * as tf from '@tensorflow/tfjs';
import { UserError } from '../errors.js';
import { trainingMode } from '../engine/fused/ops.js';
import { trainableVariables } from '../nn/layer.js';
import { childScope } from '../nn/parameters.js';
import type { AuxiliaryNet } from './auxiliary/auxiliary.js';
import { imageDecoder } from './auxiliary/decoder.js';
import { eagerLoss } from './eager.js';
import { binaryCrossEntropy } from './losses.js';
import type { ObjectiveBuilder } from './objective.js';
import type { Site } from './site.js';

export const fusions = ['whole', 'patches', 'patch-average'] as const;

/**
 * How the auxiliary nets read the feature map (HPFF's patch feature fusion, PFF). `whole`: at once. `patches`, as
 * HPFF's published CIFAR code has it: the reconstruction reads the four quadrants, each with a decoder of its own,
 * and their losses are summed. `patch-average`, as the paper has it (§3.3): the classifier runs on each quadrant and
 * its outputs are averaged; the reconstruction stays whole.
 */
export type Fusion = (typeof fusions)[number];

/** Row and column of each quadrant, in the published code's order: along the rows first. */
const quadrants = [
  [0, 0],
  [0, 1],
  [1, 0],
  [1, 1],
] as const;

/** A quadrant of `[n, 2·side, 2·side, c]`. */
function quadrant(x: tf.Tensor4D, [row, column]: readonly [number, number], side: number): tf.Tensor4D {
  return tf.slice(x, [0, row * side, column * side, 0], [-1, side, side, -1]);
}

/** Half of a length, which must be even. */
function half(length: number, what: string): number {
  if (length % 2 === 0) return length / 2;
  throw new UserError(`fusion by patches needs an even size: ${what} are ${length} pixels high`);
}

/**
 * The reconstruction by quadrants: each goes through a decoder of its own to half the image's size, against that
 * quadrant of the image. They run one after another, each freed before the next starts. `width` is the decoders'.
 *
 * Throws a UserError where the image or the features have an odd size.
 */
export function patchReconstruction(width: number): ObjectiveBuilder {
  return (scope, { network, features: shape }) => {
    const [imageSize, , channels] = network.imageShape;
    const size = half(imageSize, 'images');
    const extent = half(shape.height, 'features');
    const decoders = quadrants.map((_, index) =>
      imageDecoder(childScope(childScope(scope, 'decoder'), index), {
        inChannels: shape.channels,
        width,
        size,
        channels,
      }),
    );
    return {
      layers: decoders,
      loss(features, batch) {
        const pixels = batch.pixels();
        return decoders
          .map((decoder, index) => {
            const position = quadrants[index]!;
            return eagerLoss(quadrant(features, position, extent), trainableVariables([decoder]), (x) =>
              binaryCrossEntropy(decoder.forward(x, trainingMode), quadrant(pixels, position, size)),
            );
          })
          .reduce((sum, loss) => tf.add(sum, loss));
      },
    };
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
    const extent = half(site.features.height, 'features');
    const net = auxiliary(scope, quarterOf(site, extent), outputs);
    return {
      ...net,
      forward: (x, mode) =>
        tf.tidy(() => {
          const results = quadrants.map((position) =>
            net.forward(quadrant(x as tf.Tensor4D, position, extent), mode),
          );
          return tf.div(
            results.reduce((sum, result) => tf.add(sum, result)),
            quadrants.length,
          );
        }),
    };
  };
}

function quarterOf(site: Site, extent: number): Site {
  return { ...site, features: { ...site.features, height: extent, width: extent } };
}
