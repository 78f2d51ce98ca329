import * as tf from '@tensorflow/tfjs';
import type { BatchNormalization } from '../engine/fused/ops.js';
import { fused } from '../engine/fused/registry.js';
import { pureLayer, type Layer } from './layer.js';
import {
  childScope,
  constant,
  createParameter,
  normal,
  uniform,
  type Parameter,
  type Scope,
} from './parameters.js';

export interface ConvOptions {
  readonly inChannels: number;
  readonly outChannels: number;
  /** Height and width of the filter. */
  readonly kernel: number;
  readonly stride?: number;
  /** Zeros at each border; default ⌊kernel / 2⌋. */
  readonly padding?: number;
  readonly groups?: number;
  readonly bias?: boolean;
}

interface ConvParameters {
  readonly filter: Parameter;
  readonly bias: Parameter | undefined;
  readonly stride: number;
  readonly padding: number;
  readonly groups: number;
}

/** Filter ~ N(0, √(2 / (k·k·out))), the papers' and torchvision's fan-out rule; bias ~ U(±1/√fan-in), PyTorch's. */
function convParameters(scope: Scope, options: ConvOptions): ConvParameters {
  const {
    inChannels,
    outChannels,
    kernel,
    stride = 1,
    padding = Math.floor(kernel / 2),
    groups = 1,
  } = options;
  const area = kernel * kernel;
  const inputs = inChannels / groups;
  return {
    filter: createParameter(
      scope,
      'weight',
      [outChannels, inputs, kernel, kernel],
      normal(Math.sqrt(2 / (area * outChannels))),
    ),
    bias: options.bias
      ? createParameter(scope, 'bias', [outChannels], uniform(1 / Math.sqrt(inputs * area)))
      : undefined,
    stride,
    padding,
    groups,
  };
}

function convolution({ filter, bias, stride, padding, groups }: ConvParameters) {
  return {
    filter: filter.variable as tf.Variable<tf.Rank.R4>,
    bias: bias?.variable as tf.Variable<tf.Rank.R1> | undefined,
    stride,
    padding,
    groups,
  };
}

const present = (...parameters: readonly (Parameter | undefined)[]): Parameter[] =>
  parameters.filter((parameter) => parameter !== undefined);

/** A convolution alone; `[n, h, w, in]` → `[n, h', w', out]`. */
export function conv(scope: Scope, options: ConvOptions): Layer {
  const parameters = convParameters(scope, options);
  return {
    parameters: present(parameters.filter, parameters.bias),
    buffers: [],
    forward: (x, mode) => fused().conv(x as tf.Tensor4D, convolution(parameters), mode),
  };
}

interface NormParameters {
  readonly trained: readonly [gamma: Parameter, beta: Parameter];
  readonly buffers: readonly [mean: Parameter, variance: Parameter];
  readonly norm: BatchNormalization;
}

function normParameters(scope: Scope, channels: number): NormParameters {
  const create = (name: string, value: number): Parameter =>
    createParameter(scope, name, [channels], constant(value));
  const gamma = create('weight', 1);
  const beta = create('bias', 0);
  const mean = create('running_mean', 0);
  const variance = create('running_var', 1);
  const vector = ({ variable }: Parameter): tf.Variable<tf.Rank.R1> => variable as tf.Variable<tf.Rank.R1>;
  return {
    trained: [gamma, beta],
    buffers: [mean, variance],
    norm: {
      gamma: vector(gamma),
      beta: vector(beta),
      runningMean: vector(mean),
      runningVariance: vector(variance),
    },
  };
}

/** Convolution → batch normalisation, with an optional residual and ReLU, as one fused op. */
export interface ConvBatchNorm extends Layer {
  forward(x: tf.Tensor, mode: Parameters<Layer['forward']>[1], residual?: tf.Tensor): tf.Tensor;
}

export function convBatchNorm(
  scope: Scope,
  /** Names of the convolution and of the batch normalisation below the scope. */
  [convName, normName]: readonly [string | number, string | number],
  options: ConvOptions & { readonly relu: boolean },
): ConvBatchNorm {
  const parameters = convParameters(childScope(scope, convName), options);
  const norm = normParameters(childScope(scope, normName), options.outChannels);
  return {
    parameters: [...present(parameters.filter, parameters.bias), ...norm.trained],
    buffers: norm.buffers,
    forward: (x, mode, residual) =>
      fused().convBatchNorm(x as tf.Tensor4D, convolution(parameters), norm.norm, {
        relu: options.relu,
        residual: residual as tf.Tensor4D | undefined,
        mode,
      }),
  };
}

/** Batch normalisation of `[n, c]` or `[n, h, w, c]`, with ReLU where asked. */
export function batchNorm(scope: Scope, channels: number, { relu }: { readonly relu: boolean }): Layer {
  const { trained, buffers, norm } = normParameters(scope, channels);
  return {
    parameters: trained,
    buffers,
    forward: (x, mode) => fused().batchNorm(x as tf.Tensor4D, norm, { relu, mode }),
  };
}

/** `[n, in]` → `[n, out]`; weight and bias ~ U(±1/√in). */
export function linear(
  scope: Scope,
  {
    inputs,
    outputs,
    bias = true,
  }: { readonly inputs: number; readonly outputs: number; readonly bias?: boolean },
): Layer {
  const bound = 1 / Math.sqrt(inputs);
  const weight = createParameter(scope, 'weight', [outputs, inputs], uniform(bound));
  const shift = bias ? createParameter(scope, 'bias', [outputs], uniform(bound)) : undefined;
  return {
    parameters: present(weight, shift),
    buffers: [],
    forward(x) {
      const product = tf.matMul(x as tf.Tensor2D, weight.variable as tf.Variable<tf.Rank.R2>);
      return shift === undefined ? product : tf.add(product, shift.variable);
    },
  };
}

export const relu = pureLayer((x) => tf.relu(x));

/** `[n, h, w, c]` → `[n, c]`. */
export const globalAveragePool = pureLayer((x) => tf.mean(x, [1, 2]));

/** `[n, h, w, c]` → `[n, c·h·w]`, in PyTorch's order: channels slowest. */
export const flatten = pureLayer((x) =>
  tf.reshape(tf.transpose(x, [0, 3, 1, 2]), [x.shape[0]!, x.size / x.shape[0]!]),
);

/** Bilinear resize to `size`×`size`, corners aligned. */
export const resizeBilinear = (size: number): Layer =>
  pureLayer((x) =>
    x.shape[1] === size && x.shape[2] === size
      ? x.clone()
      : tf.image.resizeBilinear(x as tf.Tensor4D, [size, size], true),
  );
