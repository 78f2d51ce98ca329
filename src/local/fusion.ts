import * as tf from '@tensorflow/tfjs';
import { UserError } from '../errors.js';
import { trainingMode } from '../engine/fused/ops.js';
import { trainableVariables } from '../nn/layer.js';
import { childScope } from '../nn/parameters.js';
import { imageDecoder } from './auxiliary/decoder.js';
import { eagerLoss } from './eager.js';
import { binaryCrossEntropy } from './losses.js';
import type { ObjectiveBuilder } from './objective.js';

/** Row and column of each quadrant, in the published code's order: along the rows first. */
const quadrants = [
  [0, 0],
  [0, 1],
  [1, 0],
  [1, 1],
] as const;

/**
 * HPFF's patch feature fusion of the reconstruction (Su et al. 2024, §3.3; published CIFAR code): each quadrant of
 * the features goes through a decoder of its own to half the image's size, against that quadrant of the image; the
 * four losses are summed. They run one after another, each freed before the next starts.
 *
 * Throws a UserError where the image or the features have an odd size.
 */
export const patchReconstruction: ObjectiveBuilder = (scope, { network, features: shape }) => {
  const [imageSize, , channels] = network.imageShape;
  const size = imageSize / 2;
  const extent = shape.height / 2;
  if (!Number.isInteger(size) || !Number.isInteger(extent)) {
    throw new UserError(
      `fusion by patches needs an even size: images are ${imageSize} and features ${shape.height} pixels high`,
    );
  }
  const decoders = quadrants.map((_, quadrant) =>
    imageDecoder(childScope(childScope(scope, 'decoder'), quadrant), {
      inChannels: shape.channels,
      size,
      channels,
    }),
  );
  return {
    layers: decoders,
    loss(features, batch) {
      const pixels = batch.pixels();
      const patch = (x: tf.Tensor4D, [row, column]: readonly [number, number], side: number): tf.Tensor4D =>
        tf.slice(x, [0, row * side, column * side, 0], [-1, side, side, -1]);
      return decoders
        .map((decoder, q) => {
          const position = quadrants[q]!;
          return eagerLoss(patch(features, position, extent), trainableVariables([decoder]), (x) =>
            binaryCrossEntropy(decoder.forward(x, trainingMode), patch(pixels, position, size)),
          );
        })
        .reduce((sum, loss) => tf.add(sum, loss));
    },
  };
};
