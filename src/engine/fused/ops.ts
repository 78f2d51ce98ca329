import type * as tf from '@tensorflow/tfjs';

/** How a layer is run. */
export interface Mode {
  /** Batch statistics, running averages updated; else the running averages. */
  readonly training: boolean;
  /** Whether gradients of the parameters can be asked for; false for a network that only passes gradients on. */
  readonly parameterGradients: boolean;
  /** In training mode: how many passes running averages and counters take this one for; default 1. */
  readonly passes?: number;
}

export const trainingMode: Mode = { training: true, parameterGradients: true };
/** Training mode for a network whose parameters are not trained by gradients, such as a momentum net. */
export const frozenMode: Mode = { training: true, parameterGradients: false };
export const evaluationMode: Mode = { training: false, parameterGradients: false };

export interface Convolution {
  /** `[height, width, in / groups, out]`. */
  readonly filter: tf.Tensor4D;
  /** `[out]`. */
  readonly bias?: tf.Tensor1D | undefined;
  readonly stride: number;
  /** Zeros added at every border. */
  readonly padding: number;
  readonly groups: number;
}

/** Batch normalisation over the last axis; ε = 1e-5, momentum 0.1, unbiased running variance, all `[channels]`. */
export interface BatchNormalization {
  readonly gamma: tf.Tensor1D;
  readonly beta: tf.Tensor1D;
  readonly runningMean: tf.Variable<tf.Rank.R1>;
  readonly runningVariance: tf.Variable<tf.Rank.R1>;
}

export const batchNormEpsilon = 1e-5;
export const batchNormMomentum = 0.1;

/** Layer normalisation over the last axis, torchvision's ε = 1e-6; both `[channels]`. */
export interface LayerNormalization {
  readonly gamma: tf.Tensor1D;
  readonly beta: tf.Tensor1D;
}

export const layerNormEpsilon = 1e-6;

export interface SgdSettings {
  readonly learningRate: number;
  readonly momentum: number;
  readonly weightDecay: number;
  readonly nesterov: boolean;
}

export interface ResidualOptions {
  readonly relu: boolean;
  readonly residual?: tf.Tensor4D | undefined;
  /**
   * Whether another layer keeps the residual for its own gradient, as it does where the shortcut is the identity. The
   * ReLU's mask is then found with the residual, and the result need not be kept; else with the result.
   */
  readonly residualKept?: boolean | undefined;
  readonly mode: Mode;
}

/**
 * What an engine computes as one operator where it can. All are differentiable with TensorFlow.js's `tf.grads`
 * except the first, and the last four.
 */
export interface FusedOps {
  /** Bytes as a new float32 tensor of the same values; they go to the device as bytes. No gradient. */
  fromBytes(values: Uint8Array, shape: readonly number[]): tf.Tensor;
  /** Convolution with bias; `[n, h, w, in]` → `[n, h', w', out]`. */
  conv(x: tf.Tensor4D, convolution: Convolution, mode: Mode): tf.Tensor4D;
  /** Convolution, batch normalisation, then `+ residual` where given, then ReLU where asked. */
  convBatchNorm(
    x: tf.Tensor4D,
    convolution: Convolution,
    norm: BatchNormalization,
    options: ResidualOptions,
  ): tf.Tensor4D;
  /** Batch normalisation of `[n, c]` or `[n, h, w, c]`, then ReLU where asked. */
  batchNorm<T extends tf.Tensor2D | tf.Tensor4D>(
    x: T,
    norm: BatchNormalization,
    options: { readonly relu: boolean; readonly mode: Mode },
  ): T;
  /** Layer normalisation of `[…, c]` over its last axis (Ba et al. 2016). */
  layerNorm<T extends tf.Tensor>(x: T, norm: LayerNormalization, mode: Mode): T;
  /** x · Φ(x), Φ the standard normal distribution function: the exact GELU (Hendrycks & Gimpel 2016). */
  gelu<T extends tf.Tensor>(x: T): T;
  /**
   * Mean binary cross-entropy of logits against targets in 0…1, of one shape; no gradient of the targets. The backward
   * pass may be taken once.
   */
  binaryCrossEntropy(logits: tf.Tensor, targets: tf.Tensor): tf.Scalar;
  /** total + value of one shape, in total's memory where nothing else uses it; both are given up. No gradient. */
  accumulate<T extends tf.Tensor>(total: T, value: T): T;
  /** x · factor, in x's memory where nothing else uses it; x is given up. No gradient. */
  scale<T extends tf.Tensor>(x: T, factor: tf.Scalar): T;
  /** One step of SGD on all the variables, as PyTorch defines it, in place; `momenta` start at zero. */
  sgd(
    variables: readonly tf.Variable[],
    gradients: readonly tf.Tensor[],
    momenta: readonly tf.Variable[],
    settings: SgdSettings,
  ): void;
  /** averages ← momentum · averages + (1 − momentum) · values, in place. */
  movingAverage(averages: readonly tf.Variable[], values: readonly tf.Tensor[], momentum: number): void;
}
