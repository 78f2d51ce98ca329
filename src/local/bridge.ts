import * as tf from '@tensorflow/tfjs';
import { frozenMode, trainingMode } from '../engine/fused/ops.js';
import { fused } from '../engine/fused/registry.js';
import { outsideTape } from '../engine/tape.js';
import type { Unit } from '../networks/network.js';
import type { Layer } from '../nn/layer.js';
import { childScope, type Scope } from '../nn/parameters.js';

/** What stands between a block's output and its auxiliary nets. */
export interface Bridge {
  /** Trained with the block. */
  readonly trained: Layer;
  /** Not trained by gradients. */
  readonly averaged: Layer;
  forward(x: tf.Tensor4D): tf.Tensor4D;
  /** After the block's backward pass. */
  after(): void;
}

/** Builds the bridge after a block; `next` is the first unit of the next block. */
export type BridgeBuilder = (scope: Scope, next: Unit) => Bridge;

/**
 * MAN's bridge (Su et al. 2024): y = B(x) + M(x), both shaped like the next unit. The bias net B is trained; the
 * momentum net M follows the next unit, M ← m·M + (1 − m)·next, parameters only: its running statistics are its own.
 * M starts as a copy of the next unit. Gradients flow through both to x.
 */
export function momentumBridge(momentum: number): BridgeBuilder {
  return (scope, next) => {
    const trained = next.build(childScope(scope, 'bias'));
    const averaged = next.build(childScope(scope, 'momentum'));
    const averages = averaged.parameters.map(({ variable }) => variable);
    const followed = next.layer.parameters.map(({ variable }) => variable);
    // Momentum 0 copies the values; `assign` would share the memory, which optimiser steps write to.
    fused().movingAverage(averages, followed, 0);
    return {
      trained,
      averaged,
      forward(x) {
        const bias = trained.forward(x, trainingMode);
        const guide = averaged.forward(x, frozenMode);
        return tf.add(bias, guide);
      },
      after: () => outsideTape(() => fused().movingAverage(averages, followed, momentum)),
    };
  };
}
