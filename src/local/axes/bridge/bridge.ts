import type * as tf from '@tensorflow/tfjs';
import type { Unit } from '../../../networks/network.js';
import type { Layer } from '../../../nn/layer.js';
import type { Scope } from '../../../nn/parameters.js';
import { defineChoice } from '../../../core/choice.js';

/** What stands between a block's output and its auxiliary nets. */
export interface Bridge {
  /** Trained with the block. */
  readonly trained: Layer;
  /** Not trained by gradients. */
  readonly averaged: Layer;
  /**
   * Runs it in training mode.
   *
   * @param x the block's output `[n, h, w, c]`
   * @returns features of the next unit's shape, `[n, h', w', c']`
   */
  forward(x: tf.Tensor4D): tf.Tensor4D;
  /** Runs it in evaluation mode. Without it the auxiliary nets behind the bridge have no accuracy. */
  evaluate?(x: tf.Tensor4D): tf.Tensor4D;
  /** Variables of the next unit that `after` reads; none if not given. */
  readonly follows?: readonly tf.Variable[];
  /** Runs after the block's backward pass. */
  after(): void;
}

/**
 * Builds the bridge after a block.
 *
 * @param next the first unit of the next block
 */
export type BridgeBuilder = (scope: Scope, next: Unit) => Bridge;

/**
 * Defines what stands between a block and its auxiliary nets, by name; undefined for nothing. Returns its
 * argument.
 */
export const defineBridge = defineChoice<BridgeBuilder | undefined>();
