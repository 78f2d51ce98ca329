import type * as tf from '@tensorflow/tfjs';

/** How a layer is run. */
export interface Mode {
  /** Whether batch statistics are used and running averages updated; else the running averages are used. */
  readonly training: boolean;
  /** Whether gradients of the parameters can be asked for; false for a network that only passes gradients on. */
  readonly parameterGradients: boolean;
  /** In training mode: how many passes running averages and counters take this one for; default 1. */
  readonly passes?: number;
}

/** How a network is trained: batch statistics, and gradients of its parameters. */
export const trainingMode: Mode = { training: true, parameterGradients: true };
/** Training mode for a network whose parameters are not trained by gradients, such as a momentum net. */
export const frozenMode: Mode = { training: true, parameterGradients: false };
/** How a network is used: running averages, which stay as they are, and no gradients of its parameters. */
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
  /**
   * Height and width that the input is resized to first (bilinear, corners aligned). libtorch's engine keeps the small map
   * alone, and never has the resized one of more than an image a thread in memory.
   */
  readonly resized?: readonly [height: number, width: number] | undefined;
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

/** Settings of a step of SGD, as PyTorch's `torch.optim.SGD` has them. */
export interface SgdSettings {
  readonly learningRate: number;
  readonly momentum: number;
  readonly weightDecay: number;
  readonly nesterov: boolean;
}

/** Settings of a step of AdamW, as PyTorch's `torch.optim.AdamW` has them. */
export interface AdamWSettings {
  readonly learningRate: number;
  /** Of the averages of gradients and of their squares. */
  readonly betas: readonly [number, number];
  readonly epsilon: number;
  readonly weightDecay: number;
  /** Steps that the variables have taken, this one included. */
  readonly step: number;
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
