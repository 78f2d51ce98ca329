import type * as tf from '@tensorflow/tfjs';
import type { Layer } from '../../../nn/layer.js';
import type { Scope } from '../../../nn/parameters.js';
import type { Batch } from '../../batch.js';
import type { LossWeight } from '../../loss-weights.js';
import type { Site } from '../../site.js';
import type { AuxiliaryNet } from '../auxiliary/auxiliary.js';
import { defineChoice } from '../../../core/choice.js';
import type { Fusion } from '../fusion/fusion.js';

/** The axes that a loss reads. */
export interface LossParts {
  readonly auxiliary: AuxiliaryNet;
  readonly fusion: Fusion;
}

/** A local loss at its place: the auxiliary nets that it trains, and what it makes of a block's features. */
export interface AttachedLoss {
  readonly layers: readonly Layer[];
  /** Features `[n, h, w, c]`, which are given up → mean loss over the batch. */
  readonly loss: (features: tf.Tensor4D, batch: Batch) => tf.Scalar;
  /** Where it classifies: features → logits `[n, classes]`, in evaluation mode. */
  readonly logits?: ((features: tf.Tensor4D) => tf.Tensor2D) | undefined;
  /** Where it is a weighted sum: what each term counts here. */
  readonly weights?: readonly LossWeight[];
}

/** The loss axis: one term, or a weighted sum of terms. */
export interface LocalLoss {
  /** Whether a term rebuilds the image: fusion by `patches` or `patch-sum` needs one. */
  readonly reconstructs: boolean;
  /** Whether a term reads the auxiliary net: fusion by `patch-average` needs one. */
  readonly classifies: boolean;
  /**
   * Builds the loss of one block.
   *
   * @param scope that block's own
   */
  attach(scope: Scope, site: Site, parts: LossParts): AttachedLoss;
}

/** Defines a term of what a block minimises, by name. Returns its argument. */
export const defineLoss = defineChoice<LocalLoss>();
