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
  /** The block's output → features of the next unit's shape. */
  forward(x: tf.Tensor4D): tf.Tensor4D;
  /** The same in evaluation mode. Without it the auxiliary nets behind the bridge have no accuracy. */
  evaluate?(x: tf.Tensor4D): tf.Tensor4D;
  /** After the block's backward pass. */
  after(): void;
}

/** Builds the bridge after a block; `next` is the first unit of the next block. */
export type BridgeBuilder = (scope: Scope, next: Unit) => Bridge;

/** What stands between a block and its auxiliary nets, by name; undefined for nothing. Returns its argument: for the types alone. */
export const defineBridge = defineChoice<BridgeBuilder | undefined>();
