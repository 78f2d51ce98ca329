import tf = require('@tensorflow/tfjs');
import { givenUp } from './given-up.js';
import { batchNormEpsilon } from './ops.js';

/** What layers with batch normalisation are composed of, where a backend may have kernels of its own; x `[n, h, w, c]`. */
export interface BatchNormKernels {
  /** By the batch's own statistics. `kept` are those that the gradient needs, in a form of the backend's. */
  readonly forward: (
    x: tf.Tensor4D,
    gamma: tf.Tensor1D,
    beta: tf.Tensor1D,
  ) => {
    readonly y: tf.Tensor4D;
    readonly mean: tf.Tensor1D;
    /** Over all values less one. */
    readonly variance: tf.Tensor1D;
    readonly kept: readonly [tf.Tensor1D, tf.Tensor1D];
  };
  /** The gradients of x, gamma and beta, by that of y; dy and x are given up. */
  readonly backward: (
    dy: tf.Tensor4D,
    x: tf.Tensor4D,
    gamma: tf.Tensor1D,
    kept: readonly [tf.Tensor1D, tf.Tensor1D],
  ) => readonly [tf.Tensor4D, tf.Tensor1D, tf.Tensor1D];
  /** dy where the ReLU's output y is positive, else 0. */
  readonly reluGradient: (dy: tf.Tensor4D, y: tf.Tensor4D) => tf.Tensor4D;
}

/** Of standard kernels; kept are the mean and one over the deviation. */
const composed: BatchNormKernels = {
  forward(x, gamma, beta) {
    const { mean, variance } = moments(x);
    const count = x.size / x.shape[3];
    return {
      y: tf.batchNorm4d(x, mean, variance, beta, gamma, batchNormEpsilon),
      mean,
      variance: tf.mul(variance, count / (count - 1)),
      kept: [mean, inverseDeviation(variance)],
    };
  },

  backward(dy, x, gamma, [mean, inverse]) {
    const count = x.size / x.shape[3];
    const dBeta = tf.sum<tf.Tensor1D>(dy, [0, 1, 2]);
    const dGamma = gammaGradient(dy, x, mean, inverse);
    const means = [tf.div<tf.Tensor1D>(dGamma, count), tf.div<tf.Tensor1D>(dBeta, count)] as const;
    return [inputGradient(dy, x, gamma, [mean, inverse], means), dGamma, dBeta];
  },

  reluGradient: (dy, y) => tf.tidy(() => tf.mul(dy, tf.step(y))),
};

/**
 * Of x; dy and x are given up.
 *
 * @param means over all values of a channel: of dy · (x − μ)/σ, and of dy
 */
export function inputGradient(
  dy: tf.Tensor4D,
  x: tf.Tensor4D,
  gamma: tf.Tensor1D,
  [mean, inverse]: readonly [tf.Tensor1D, tf.Tensor1D],
  [ofProducts, ofDys]: readonly [tf.Tensor1D, tf.Tensor1D],
): tf.Tensor4D {
  // dx = γ/σ · (dy − mean(dy) − x̂ · mean(dy · x̂)), x̂ = (x − μ)/σ: so much of dy, so much of x, and a constant.
  const ofDy = tf.mul<tf.Tensor1D>(gamma, inverse);
  const ofX = tf.neg<tf.Tensor1D>(tf.mul(tf.mul(ofDy, inverse), ofProducts));
  const constant = tf.neg<tf.Tensor1D>(tf.add(tf.mul(ofDy, ofDys), tf.mul<tf.Tensor1D>(ofX, mean)));
  const partOfDy = givenUp(dy, () => tf.mul<tf.Tensor4D>(dy, ofDy));
  const partOfX = givenUp(x, () => scaledAndShifted(x, ofX, constant));
  const dx = tf.add<tf.Tensor4D>(partOfDy, partOfX);
  tf.dispose([partOfDy, partOfX]);
  return dx;
}

const registered = new Map<string, BatchNormKernels>();

/** Makes these the kernels of a backend. */
export function registerBatchNormKernels(backend: string, kernels: BatchNormKernels): void {
  registered.set(backend, kernels);
}

/** Those of the backend in use. */
export const batchNormKernels = (): BatchNormKernels => registered.get(tf.getBackend()) ?? composed;

export const inverseDeviation = (variance: tf.Tensor1D): tf.Tensor1D =>
  tf.tidy(() => tf.rsqrt(tf.add<tf.Tensor1D>(variance, batchNormEpsilon)));

/** Of gamma, whatever the statistics were. */
export const gammaGradient = (
  dy: tf.Tensor4D,
  x: tf.Tensor4D,
  mean: tf.Tensor1D,
  inverse: tf.Tensor1D,
): tf.Tensor1D =>
  tf.tidy(() => tf.mul(tf.sum<tf.Tensor1D>(tf.mul(dy, centred(x, mean)), [0, 1, 2]), inverse));

function moments(x: tf.Tensor4D): { readonly mean: tf.Tensor1D; readonly variance: tf.Tensor1D } {
  const mean = tf.mean<tf.Tensor1D>(x, [0, 1, 2]);
  const variance = tf.tidy(() => tf.mean<tf.Tensor1D>(tf.square(centred(x, mean)), [0, 1, 2]));
  return { mean, variance };
}

export const centred = (x: tf.Tensor4D, mean: tf.Tensor1D): tf.Tensor4D => tf.sub(x, mean);

/** scale · x + shift, by channel: what batch normalisation is where mean and deviation are 0 and 1. */
function scaledAndShifted(x: tf.Tensor4D, scale: tf.Tensor1D, shift: tf.Tensor1D): tf.Tensor4D {
  return tf.tidy(() => tf.batchNorm4d(x, tf.zerosLike(scale), tf.onesLike(scale), shift, scale, 0));
}
