import type * as tf from '@tensorflow/tfjs';
import type { Block } from './block.js';
import type { Bridge } from './axes/bridge/bridge.js';
import type { AttachedLoss } from './axes/loss/loss.js';

/** What an update's auxiliary net takes an image's class to be, for its accuracy after each epoch. */
export interface Classifier {
  /** The name of the unit whose features it reads. */
  readonly after: string;
  /**
   * Classifies, in evaluation mode: it changes nothing.
   *
   * @param features of that unit, `[n, h, w, c]`
   * @returns logits `[n, classes]`
   */
  logits(features: tf.Tensor4D): tf.Tensor2D;
}

/**
 * The classifier of a loss on a block's features, as a part of an update: nothing where the loss classifies
 * nothing, or the bridge before it cannot be evaluated.
 */
export function classifierOf(
  { units }: Block,
  { logits }: AttachedLoss,
  bridge?: Bridge,
): { readonly classifier?: Classifier } {
  if (logits === undefined || (bridge !== undefined && bridge.evaluate === undefined)) return {};
  return {
    classifier: {
      after: units.at(-1)!.name,
      logits: (features) => logits(bridge?.evaluate?.(features) ?? features),
    },
  };
}
