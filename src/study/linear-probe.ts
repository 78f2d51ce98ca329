import tf = require('@tensorflow/tfjs');
import { scoped } from '../engine/scoped.js';
import { crossEntropy } from '../local/axes/loss/cross-entropy.js';
import { minimise } from './minimise.js';

/** Features of images and their classes. */
export interface ProbeData {
  /** `[images, features]`. */
  readonly features: tf.Tensor2D;
  /** One-hot, `[images, classes]`. */
  readonly labels: tf.Tensor2D;
}

/** A linear classifier of features. */
export interface LinearProbe {
  /** Features `[n, features]` → logits `[n, classes]`. */
  logits(features: tf.Tensor2D): tf.Tensor2D;
  dispose(): void;
}

/** The largest derivative at the end, of the mean loss; as scikit-learn's. */
const tolerance = 1e-4;
const maxIterations = 200;

/**
 * Multinomial logistic regression on standardised features: minimises the mean cross-entropy plus ‖weights‖² / (2 ·
 * images), which is scikit-learn's `LogisticRegression()` with its C = 1. The minimum is one point, so nothing depends on
 * chance. Features that do not vary count for nothing.
 */
export async function fitProbe(data: ProbeData, signal?: AbortSignal): Promise<LinearProbe> {
  const [images, width] = data.features.shape;
  const classes = data.labels.shape[1];
  const { mean, scale } = standardisation(data.features);
  const standardised = tf.tidy(() => tf.mul<tf.Tensor2D>(tf.sub(data.features, mean), scale));
  const parametersOf = (x: Float64Array): { weights: tf.Tensor2D; bias: tf.Tensor1D } => ({
    weights: tf.tensor2d(Float32Array.from(x.subarray(0, width * classes)), [width, classes]),
    bias: tf.tensor1d(Float32Array.from(x.subarray(width * classes))),
  });
  try {
    const best = await minimise(
      (x) => {
        signal?.throwIfAborted();
        return scoped(() => {
          const { weights, bias } = parametersOf(x);
          const logits = tf.add<tf.Tensor2D>(tf.matMul(standardised, weights), bias);
          const error = tf.div<tf.Tensor2D>(tf.sub(tf.softmax(logits), data.labels), images);
          const byWeight = tf.add(tf.matMul(standardised, error, true), tf.div(weights, images));
          const penalty = tf.div(tf.sum(tf.square(weights)), 2 * images);
          return {
            value: tf.add(crossEntropy(logits, data.labels), penalty).dataSync()[0]!,
            gradient: Float64Array.from([...byWeight.dataSync(), ...tf.sum(error, 0).dataSync()]),
          };
        });
      },
      new Float64Array(width * classes + classes),
      { tolerance, maxIterations },
    );
    const { weights, bias } = parametersOf(best);
    return {
      logits: (features) =>
        tf.tidy(() => tf.add(tf.matMul(tf.mul<tf.Tensor2D>(tf.sub(features, mean), scale), weights), bias)),
      dispose: () => void tf.dispose([mean, scale, weights, bias]),
    };
  } catch (error) {
    tf.dispose([mean, scale]);
    throw error;
  } finally {
    standardised.dispose();
  }
}

/** What takes features to mean 0 and deviation 1: `(x − mean) · scale`, both `[features]`. */
function standardisation(features: tf.Tensor2D): { readonly mean: tf.Tensor1D; readonly scale: tf.Tensor1D } {
  const [mean, scale] = tf.tidy(() => {
    const { mean, variance } = tf.moments(features, 0);
    // Below this share of its square, a mean's rounding is all that varies.
    const varies = tf.greater(variance, tf.mul(tf.square(mean), 1e-12));
    const safe = tf.where(varies, variance, tf.onesLike(variance));
    return [mean, tf.mul(tf.rsqrt(safe), tf.cast(varies, 'float32'))] as [tf.Tensor1D, tf.Tensor1D];
  });
  return { mean, scale };
}
