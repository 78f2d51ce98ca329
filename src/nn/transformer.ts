import tf = require('@tensorflow/tfjs');
import { z } from 'zod';
import { scopeSchema } from './forms.js';
import { checkGiven, sizeSchema } from '../core/given.js';
import { addOp } from '../engine/fused/add.js';
import { attentionOp } from '../engine/fused/attention.js';
import { linearOp } from '../engine/fused/linear.js';
import { fused } from '../engine/fused/registry.js';
import { ownedBy, pureLayer, sequential, type Layer } from './layer.js';
import { linear } from './layers.js';
import {
  childScope,
  constant,
  createParameter,
  normal,
  uniform,
  type Parameter,
  type Scope,
} from './parameters.js';

/** Layer normalisation of `[…, width]` over its last axis (Ba et al. 2016), ε = 1e-6 as torchvision's. */
export function layerNorm(scope: Scope, width: number): Layer {
  const gamma = createParameter(scope, 'weight', [width], constant(1), 'norm');
  const beta = createParameter(scope, 'bias', [width], constant(0), 'norm');
  const norm = { gamma: vector(gamma), beta: vector(beta) };
  return {
    parameters: [gamma, beta],
    buffers: [],
    forward: (x, mode) => fused().layerNorm(x, norm, mode),
  };
}

const gelu = pureLayer((x) => fused().gelu(x));

/** The sizes of a unit of a Transformer's encoder. */
export interface EncoderOptions {
  /** Channels of a token. */
  readonly width: number;
  /** Heads of the attention; they divide the width. */
  readonly heads: number;
  /** Of the MLP's hidden layer. */
  readonly mlpWidth: number;
}

const encoderForms = {
  scope: scopeSchema,
  options: z.object({ width: sizeSchema, heads: sizeSchema, mlpWidth: sizeSchema }),
};

/**
 * A pre-norm unit of a Transformer's encoder on maps, `[n, h, w, width]` → the same, every cell a token:
 * x + attention(LN(x)), then x + MLP(LN(x)) with GELU (Dosovitskiy et al. 2021, Eq. 2 and 3). Initial values and names
 * are torchvision's `EncoderBlock`'s; no dropout.
 *
 * @param scope where its parameters get their names and initial values from
 * @param options its sizes
 */
export function encoderUnit(scope: Scope, options: EncoderOptions): Layer {
  checkGiven('encoderUnit', encoderForms, { scope, options });
  const { width, heads, mlpWidth } = options;
  const dense = (name: string, inputs: number, outputs: number): Layer =>
    linear(childScope(scope, name), {
      inputs,
      outputs,
      initial: { weight: xavier(inputs, outputs), bias: normal(1e-6) },
    });
  return sequential([
    withShortcut([
      layerNorm(childScope(scope, 'ln_1'), width),
      selfAttention(childScope(scope, 'self_attention'), { width, heads }),
    ]),
    withShortcut([
      layerNorm(childScope(scope, 'ln_2'), width),
      dense('mlp.0', width, mlpWidth),
      gelu,
      dense('mlp.3', mlpWidth, width),
    ]),
  ]);
}

/** Multi-head self-attention of the cells of `[n, h, w, width]`, named as PyTorch's `MultiheadAttention`. */
function selfAttention(scope: Scope, { width, heads }: Pick<EncoderOptions, 'width' | 'heads'>): Layer {
  const weight = createParameter(scope, 'in_proj_weight', [3 * width, width], xavier(width, 3 * width));
  const bias = createParameter(scope, 'in_proj_bias', [3 * width], constant(0), 'bias');
  const out = linear(childScope(scope, 'out_proj'), {
    inputs: width,
    outputs: width,
    initial: { weight: uniform(1 / Math.sqrt(width)), bias: constant(0) },
  });
  return {
    parameters: [weight, bias, ...out.parameters],
    buffers: [],
    forward(x, mode) {
      const [batch, height, columns] = x.shape as [number, number, number, number];
      const packed = linearOp(x, weight.variable as tf.Variable<tf.Rank.R2>, vector(bias), mode);
      const tokens = tf.reshape<tf.Rank.R3>(packed, [batch, height * columns, 3 * width]);
      const mixed = attentionOp(tokens, heads, weight.variable);
      const map = tf.reshape(mixed, x.shape);
      const y = out.forward(map, mode);
      tf.dispose([packed, tokens, mixed, map]);
      return y;
    },
  };
}

function withShortcut(layers: readonly Layer[]): Layer {
  const branch = sequential(layers);
  return {
    ...ownedBy(layers),
    forward(x, mode) {
      const y = branch.forward(x, mode);
      const sum = addOp(x, y);
      y.dispose();
      return sum;
    },
  };
}

/** U(±√(6 / (in + out))) (Glorot & Bengio 2010). */
const xavier = (inputs: number, outputs: number) => uniform(Math.sqrt(6 / (inputs + outputs)));

const vector = ({ variable }: Parameter): tf.Variable<tf.Rank.R1> => variable as tf.Variable<tf.Rank.R1>;
