import tf = require('@tensorflow/tfjs');
import { UserError } from '../../../core/errors.js';
import { trainingMode } from '../../../engine/fused/ops.js';
import { conv } from '../../../nn/layers.js';
import { childScope } from '../../../nn/parameters.js';
import { pairProducts } from './pair-products.js';
import { noOptions } from '../../../core/choice.js';
import { defineLoss, type LocalLoss } from './loss.js';

/** Below any value that counts in float32, above what a square root's gradient divides by zero at. */
const tiny = 1e-30;

/**
 * PredSim's similarity matching (Nøkland & Eidnes 2019, Eq. 1): the mean squared difference between the similarity
 * matrices of the samples' features `[n, h, w, c]`, read as the deviation of each channel over space, and of their
 * one-hot labels `[n, classes]`. A map of one position has no deviation: its value is taken, as in the authors' code.
 */
export function similarityLoss(features: tf.Tensor4D, labels: tf.Tensor2D): tf.Scalar {
  return tf.tidy(() => {
    const difference = tf.sub(similarityMatrix(spatialDeviation(features)), similarityMatrix(labels));
    return tf.mean(tf.square(difference));
  });
}

/** Unbiased standard deviation over space, `[n, h, w, c]` → `[n, c]`; of a constant map 0, with gradient 0; of one position its value. */
function spatialDeviation(x: tf.Tensor4D): tf.Tensor2D {
  const [batch, height, width, channels] = x.shape;
  const count = height * width;
  if (count === 1) return tf.reshape(x, [batch, channels]);
  const variance = tf.mul(tf.moments(x, [1, 2]).variance, count / (count - 1));
  return tf.sqrt(tf.maximum(variance, tiny)) as tf.Tensor2D;
}

/** Cosines between the rows, each centred: `[n, d]` → `[n, n]` in −1…1. */
function similarityMatrix(x: tf.Tensor2D): tf.Tensor2D {
  const centred = tf.sub(x, tf.mean(x, 1, true));
  const norms = tf.sqrt(tf.maximum(tf.sum(tf.square(centred), 1, true), tiny));
  const rows = tf.div(centred, tf.add(norms, 1e-8)) as tf.Tensor2D;
  return tf.clipByValue(pairProducts(rows), -1, 1);
}

/**
 * `decoder`: PredSim's similarity of the features, after a 3×3 convolution, to that of the labels (Nøkland & Eidnes
 * 2019, Eq. 1).
 *
 * @throws UserError where it is attached to features of a single pixel, which do not vary over space
 */
export const similarity: LocalLoss = {
  reconstructs: false,
  classifies: false,
  attach(scope, { unit, features: { height, width, channels } }) {
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

export const similar = defineLoss({ name: 'similarity', options: noOptions, build: () => similarity });
