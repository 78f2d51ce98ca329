import tf = require('@tensorflow/tfjs');
import { z } from 'zod';
import { scopeSchema } from './forms.js';
import { checkGiven, sizeSchema } from '../core/given.js';
import type { BatchNormalization, Convolution, Mode } from '../engine/fused/ops.js';
import { averagePoolOp } from '../engine/fused/average-pool.js';
import { convBatchNormOp } from '../engine/fused/pooled-batch-norm.js';
import { linearOp } from '../engine/fused/linear.js';
import { fused } from '../engine/fused/registry.js';
import { countedPasses, normParameters, refuseLoneValues } from './batch-norm.js';
import { pureLayer, type Layer } from './layer.js';
import {
  childScope,
  createParameter,
  normal,
  uniform,
  type InitialValues,
  type Parameter,
  type Scope,
} from './parameters.js';

/** What a convolution is made of. */
export interface ConvOptions {
  readonly inChannels: number;
  readonly outChannels: number;
  /** Height and width of the filter. */
  readonly kernel: number;
  /** Default 1. */
  readonly stride?: number;
  /** Zeros at each border; default ⌊kernel / 2⌋. */
  readonly padding?: number;
  /** Default 1. */
  readonly groups?: number;
  readonly bias?: boolean;
  /** Height and width that the input is resized to first (bilinear, corners aligned); by default it is read as it is. */
  readonly resized?: readonly [height: number, width: number];
  /** Default: weight ~ N(0, √(2 / (k·k·out))), bias ~ U(±1/√fan-in). */
  readonly initial?: InitialValues;
}

interface ConvParameters {
  readonly filter: Parameter;
  readonly bias: Parameter | undefined;
  readonly stride: number;
  readonly padding: number;
  readonly groups: number;
  readonly resized: readonly [height: number, width: number] | undefined;
}

const convForms = {
  scope: scopeSchema,
  options: z.object({
    inChannels: sizeSchema,
    outChannels: sizeSchema,
    kernel: sizeSchema,
    stride: sizeSchema.optional(),
    padding: z.int().min(0).optional(),
    groups: sizeSchema.optional(),
  }),
};

/** By default the filter follows the papers' and torchvision's fan-out rule, the bias PyTorch's. */
function convParameters(scope: Scope, options: ConvOptions): ConvParameters {
  checkGiven('conv', convForms, { scope, options });
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
  const initial = options.initial ?? {
    weight: normal(Math.sqrt(2 / (area * outChannels))),
    bias: uniform(1 / Math.sqrt(inputs * area)),
  };
  return {
    filter: createParameter(scope, 'weight', [outChannels, inputs, kernel, kernel], initial.weight),
    bias: options.bias ? createParameter(scope, 'bias', [outChannels], initial.bias, 'bias') : undefined,
    stride,
    padding,
    groups,
    resized: options.resized,
  };
}

function convolution({ filter, bias, stride, padding, groups, resized }: ConvParameters, x: tf.Tensor) {
  const same = x.shape[1] === resized?.[0] && x.shape[2] === resized?.[1];
  return {
    filter: filter.variable as tf.Variable<tf.Rank.R4>,
    bias: bias?.variable as tf.Variable<tf.Rank.R1> | undefined,
    stride,
    padding,
    groups,
    resized: same ? undefined : resized,
  };
}

const present = (...parameters: readonly (Parameter | undefined)[]): Parameter[] =>
  parameters.filter((parameter) => parameter !== undefined);

/**
 * A convolution, of its input resized where asked: `[n, h, w, in]` → `[n, h', w', out]`. Parameters `weight` and `bias`.
 *
 * @param scope where it gets its name and initial values from
 */
export function conv(scope: Scope, options: ConvOptions): Layer {
  const parameters = convParameters(scope, options);
  return {
    parameters: present(parameters.filter, parameters.bias),
    buffers: [],
    forward: (x, mode) => fused().conv(x as tf.Tensor4D, convolution(parameters, x), mode),
  };
}

/** How many positions a convolution's result has in all images. */
function positionsAfter(x: tf.Tensor, { filter, stride, padding, resized }: ConvParameters): number {
  const [batch = 0, ...size] = x.shape;
  const [height = 0, width = 0] = resized ?? size;
  const [kernelHeight = 0, kernelWidth = 0] = filter.variable.shape;
  const after = (size: number, kernel: number): number =>
    Math.floor((size + 2 * padding - kernel) / stride) + 1;
  return batch * after(height, kernelHeight) * after(width, kernelWidth);
}

/** Convolution → batch normalisation, with an optional residual and ReLU, as one fused op. */
export interface ConvBatchNorm extends Layer {
  /**
   * Runs it: `[n, h, w, in]` → `[n, h', w', out]`.
   *
   * @param residual of the result's shape, added before the ReLU
   * @param residualKept whether another layer keeps the residual for its own gradient, as it does where the shortcut is
   * the identity: then the result need not be kept for the ReLU's
   * @throws UserError in training mode where the result has a single value a channel, of which there is no variance
   */
  forward(x: tf.Tensor, mode: Mode, residual?: tf.Tensor, residualKept?: boolean): tf.Tensor;
}

const nameSchema = z.union([z.string(), z.number()], { error: 'must be a name' });
const convNormForms = { names: z.tuple([nameSchema, nameSchema]), options: z.object({ relu: z.boolean() }) };

/** Of the convolution and of the batch normalisation, below a scope. */
export type ConvNormNames = readonly [string | number, string | number];

/** What a convolution and batch normalisation own, and how an op is run that computes both. */
export function convAndNorm(scope: Scope, [convName, normName]: ConvNormNames, options: ConvOptions) {
  const parameters = convParameters(childScope(scope, convName), options);
  const norm = normParameters(childScope(scope, normName), options.outChannels);
  return {
    owned: {
      parameters: [...present(parameters.filter, parameters.bias), ...norm.trained],
      buffers: norm.buffers,
      counters: [norm.tracked],
    },
    run: (
      x: tf.Tensor,
      mode: Mode,
      op: (x: tf.Tensor4D, convolution: Convolution, norm: BatchNormalization) => tf.Tensor,
    ): tf.Tensor => {
      refuseLoneValues(norm, positionsAfter(x, parameters), mode);
      return countedPasses(norm, mode, () => op(x as tf.Tensor4D, convolution(parameters, x), norm.norm));
    },
  };
}

/**
 * A convolution and batch normalisation, with an optional residual and ReLU, as one fused op: `[n, h, w, in]` →
 * `[n, h', w', out]`. ε = 1e-5, momentum 0.1, as PyTorch's.
 *
 * @param names of the convolution and of the batch normalisation below the scope
 * @param options `relu`: whether a ReLU follows
 */
export function convBatchNorm(
  scope: Scope,
  names: ConvNormNames,
  options: ConvOptions & { readonly relu: boolean },
): ConvBatchNorm {
  checkGiven('convBatchNorm', convNormForms, { names, options });
  const { owned, run } = convAndNorm(scope, names, options);
  const { relu } = options;
  return {
    ...owned,
    forward: (x, mode, residual, residualKept) =>
      run(x, mode, (...layers) =>
        convBatchNormOp(...layers, {
          relu,
          residual: residual as tf.Tensor4D | undefined,
          residualKept,
          mode,
        }),
      ),
  };
}

/** What a linear layer is made of. */
export interface LinearOptions {
  readonly inputs: number;
  readonly outputs: number;
  readonly bias?: boolean;
  /** Default: both ~ U(±1/√in), as PyTorch. */
  readonly initial?: InitialValues;
}

const linearForms = {
  scope: scopeSchema,
  options: z.object({ inputs: sizeSchema, outputs: sizeSchema }),
};

/** A linear layer: `[…, in]` → `[…, out]`. Parameters `weight` and `bias`. */
export function linear(scope: Scope, options: LinearOptions): Layer {
  checkGiven('linear', linearForms, { scope, options });
  const { inputs, outputs, bias = true } = options;
  const bound = uniform(1 / Math.sqrt(inputs));
  const initial = options.initial ?? { weight: bound, bias: bound };
  const weight = createParameter(scope, 'weight', [outputs, inputs], initial.weight);
  const shift = bias ? createParameter(scope, 'bias', [outputs], initial.bias, 'bias') : undefined;
  return {
    parameters: present(weight, shift),
    buffers: [],
    forward: (x, mode) =>
      linearOp(
        x,
        weight.variable as tf.Variable<tf.Rank.R2>,
        shift?.variable as tf.Variable<tf.Rank.R1> | undefined,
        mode,
      ),
  };
}

/** ReLU of any shape. */
export const relu = pureLayer((x) => tf.relu(x));

/** The mean over space: `[n, h, w, c]` → `[n, c]`. */
export const globalAveragePool = pureLayer((x) => averagePoolOp(x as tf.Tensor4D));

/** Flattens maps in PyTorch's order, channels slowest: `[n, h, w, c]` → `[n, c·h·w]`. */
export const flatten = pureLayer((x) =>
  tf.reshape(tf.transpose(x, [0, 3, 1, 2]), [x.shape[0]!, x.size / x.shape[0]!]),
);
