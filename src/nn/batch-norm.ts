import tf = require('@tensorflow/tfjs');
import { z } from 'zod';
import { UserError } from '../core/errors.js';
import { checkGiven, sizeSchema } from '../core/given.js';
import { batchNormMomentum, type BatchNormalization, type Mode } from '../engine/fused/ops.js';
import { batchNormOp } from '../engine/fused/pooled-batch-norm.js';
import { fused } from '../engine/fused/registry.js';
import { outsideTape } from '../engine/tape.js';
import { scopeSchema } from './forms.js';
import type { Counter, Layer } from './layer.js';
import {
  childScope,
  constant,
  createParameter,
  type Parameter,
  type ParameterRole,
  type Scope,
} from './parameters.js';

/** What a batch normalisation owns. */
export interface NormParameters {
  readonly name: string;
  readonly trained: readonly [gamma: Parameter, beta: Parameter];
  readonly buffers: readonly [mean: Parameter, variance: Parameter];
  /** PyTorch's; nothing here reads it. */
  readonly tracked: Counter;
  readonly norm: BatchNormalization;
}

/** Those of PyTorch's names below a scope: γ = 1, β = 0, running statistics 0 and 1. */
export function normParameters(scope: Scope, channels: number): NormParameters {
  const create = (name: string, value: number, role: ParameterRole): Parameter =>
    createParameter(scope, name, [channels], constant(value), role);
  const gamma = create('weight', 1, 'norm');
  const beta = create('bias', 0, 'norm');
  const mean = create('running_mean', 0, 'statistics');
  const variance = create('running_var', 1, 'statistics');
  const vector = ({ variable }: Parameter): tf.Variable<tf.Rank.R1> => variable as tf.Variable<tf.Rank.R1>;
  return {
    name: scope.name,
    trained: [gamma, beta],
    buffers: [mean, variance],
    tracked: { name: childScope(scope, 'num_batches_tracked').name, torch: true, value: 0 },
    norm: {
      gamma: vector(gamma),
      beta: vector(beta),
      runningMean: vector(mean),
      runningVariance: vector(variance),
    },
  };
}

/**
 * Runs a layer that moves the running averages r one step towards the batch's s, and takes it for `passes` such steps:
 * r + (1 − (1 − m)ⁿ)(s − r), which is a multiple of the step that it took.
 */
export function countedPasses<T>(
  { tracked, norm: { runningMean, runningVariance } }: NormParameters,
  { training, passes = 1 }: Mode,
  run: () => T,
): T {
  if (training) tracked.value += passes;
  if (!training || passes === 1) return run();
  const running = [runningMean, runningVariance];
  // Sums are copies; clones would share the memory, which the layer writes to.
  const before = outsideTape(() => running.map((average) => tf.add(average, 0)));
  const result = run();
  const steps = (1 - (1 - batchNormMomentum) ** passes) / batchNormMomentum;
  outsideTape(() => fused().movingAverage(running, before, steps));
  tf.dispose(before);
  return result;
}

/**
 * Refuses to find a variance from one value of a channel. On some engines that is an error of their own, on others the
 * numbers are lost.
 *
 * @throws UserError where the layer would
 */
export function refuseLoneValues({ name }: NormParameters, values: number, { training }: Mode): void {
  if (!training || values > 1) return;
  throw new UserError(
    `the batch normalisation '${name}' has one value a channel, of which there is no variance: a single image whose features there are 1×1; take batches of two images or more`,
  );
}

const normForms = { scope: scopeSchema, channels: sizeSchema, options: z.object({ relu: z.boolean() }) };

/**
 * Batch normalisation of `[n, c]` or `[n, h, w, c]` (Ioffe & Szegedy 2015): ε = 1e-5, momentum 0.1, as PyTorch's.
 *
 * @param options `relu`: whether a ReLU follows
 * @throws UserError where it is run in training mode on a single value a channel, of which there is no variance
 */
export function batchNorm(scope: Scope, channels: number, options: { readonly relu: boolean }): Layer {
  checkGiven('batchNorm', normForms, { scope, channels, options });
  const { relu } = options;
  const parameters = normParameters(scope, channels);
  return {
    parameters: parameters.trained,
    buffers: parameters.buffers,
    counters: [parameters.tracked],
    forward: (x, mode) => {
      refuseLoneValues(parameters, x.size / channels, mode);
      return countedPasses(parameters, mode, () =>
        batchNormOp(x as tf.Tensor4D, parameters.norm, { relu, mode }),
      );
    },
  };
}
