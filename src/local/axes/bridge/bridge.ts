import * as tf from '@tensorflow/tfjs';
import { addOp } from '../../../engine/fused/add.js';
import { evaluationMode, frozenMode, trainingMode } from '../../../engine/fused/ops.js';
import { fused } from '../../../engine/fused/registry.js';
import { outsideTape } from '../../../engine/tape.js';
import type { Unit } from '../../../networks/network.js';
import type { Layer } from '../../../nn/layer.js';
import { childScope, constant, createParameter, type Scope } from '../../../nn/parameters.js';

/** What stands between a block's output and its auxiliary nets. */
export interface Bridge {
  /** Trained with the block. */
  readonly trained: Layer;
  /** Not trained by gradients. */
  readonly averaged: Layer;
  /** The block's output → features of the next unit's shape. */
  forward(x: tf.Tensor4D): tf.Tensor4D;
  /** The same in evaluation mode. Without it the auxiliary nets behind the bridge have no accuracy. */
  evaluate?(x: tf.Tensor4D): tf.Tensor4D;
  /** After the block's backward pass. */
  after(): void;
}

/** Builds the bridge after a block; `next` is the first unit of the next block. */
export type BridgeBuilder = (scope: Scope, next: Unit) => Bridge;

/** How a momentum net starts: with a draw of its own, or as a copy of the next unit. */
export type MomentumStart = 'drawn' | 'copied';

/**
 * MAN's bridge (Su et al. 2024): y = B(x) + M(x), both shaped like the next unit. The bias net B is trained; the
 * momentum net M follows the next unit, M ← m·M + (1 − m)·next, parameters only: its running statistics are its own.
 * Gradients flow through both to x.
 *
 * M starts with a draw of its own: the published code copies the next unit, but then draws all convolutions again, so
 * that B, M and the unit start apart.
 */
export function momentumBridge(momentum: number, start: MomentumStart = 'drawn'): BridgeBuilder {
  return (scope, next) => {
    const trained = next.build(childScope(scope, 'bias'));
    const { averaged, after } = momentumNet(scope, next, momentum, start);
    return {
      trained,
      averaged,
      forward: (x) => joined(trained.forward(x, trainingMode), averaged.forward(x, frozenMode)),
      evaluate: (x) => tf.add(trained.forward(x, evaluationMode), averaged.forward(x, evaluationMode)),
      after,
    };
  };
}

/** a + b, which are both given up: nothing needs them for its gradient. */
function joined(a: tf.Tensor, b: tf.Tensor): tf.Tensor4D {
  const sum = addOp(a, b);
  tf.dispose([a, b]);
  return sum as tf.Tensor4D;
}

/**
 * MAN++'s bridge (Su et al. 2025): y = s · M(x) + b, with the momentum net M of MAN's bridge.
 *
 * From the abstract: the average of the neighbour's parameters, applied as it is, suffers from differences between the
 * features of two blocks, and a learnable scaling bias that balances them stands in for MAN's bias net. Decided here:
 * that s and b are one number a channel, since what differs is feature statistics; that they start as 1 and 0, so
 * that the bridge, whose M starts as a copy, starts as the next unit.
 */
export function scalingBridge(momentum: number): BridgeBuilder {
  return (scope, next) => {
    const trained = channelScaling(childScope(scope, 'scaling'), next.output.channels);
    const { averaged, after } = momentumNet(scope, next, momentum, 'copied');
    return {
      trained,
      averaged,
      forward: (x) => trained.forward(averaged.forward(x, frozenMode), trainingMode) as tf.Tensor4D,
      evaluate: (x) => trained.forward(averaged.forward(x, evaluationMode), evaluationMode) as tf.Tensor4D,
      after,
    };
  };
}

/** A net of the next unit's shape that follows it. */
function momentumNet(
  scope: Scope,
  next: Unit,
  momentum: number,
  start: MomentumStart,
): { readonly averaged: Layer; readonly after: () => void } {
  const averaged = next.build(childScope(scope, 'momentum'));
  const averages = averaged.parameters.map(({ variable }) => variable);
  const followed = next.layer.parameters.map(({ variable }) => variable);
  // Momentum 0 copies the values; `assign` would share the memory, which optimiser steps write to.
  if (start === 'copied') fused().movingAverage(averages, followed, 0);
  return {
    averaged,
    after: () => outsideTape(() => fused().movingAverage(averages, followed, momentum)),
  };
}

/** `[…, channels]` → weight · x + bias, one of each a channel. */
function channelScaling(scope: Scope, channels: number): Layer {
  const weight = createParameter(scope, 'weight', [channels], constant(1));
  const bias = createParameter(scope, 'bias', [channels], constant(0));
  return {
    parameters: [weight, bias],
    buffers: [],
    forward: (x) => tf.tidy(() => tf.add(tf.mul(x, weight.variable), bias.variable)),
  };
}
