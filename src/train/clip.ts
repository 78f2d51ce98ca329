import tf = require('@tensorflow/tfjs');
import { z } from 'zod';
import { fused } from '../engine/fused/registry.js';

/**
 * How gradients are kept small, each update's by themselves: `norm`, all of an update's gradients scaled together so that
 * their norm is no larger, as PyTorch's `clip_grad_norm_`; or `value`, each number by itself, as `clip_grad_value_`.
 */
export const clipOption = z
  .strictObject({ norm: z.number().positive().exactOptional(), value: z.number().positive().exactOptional() })
  .refine(({ norm, value }) => (norm === undefined) !== (value === undefined), {
    error: 'must have either "norm" or "value"',
  });

/** How an update's gradients are kept small: by one of these. */
export interface Clip {
  /** The most that the norm of all of them together may be. */
  readonly norm?: number;
  /** The most that each number may be, either way from 0. */
  readonly value?: number;
}

/**
 * The gradients of one update, clipped; those given are given up. The norm is that of all of them, so they all have to be
 * there: with an update's backward pass they are, and what it costs is reading them once more and, of one after
 * another, a copy.
 */
export function clipGradients(gradients: readonly tf.Tensor[], { norm, value }: Clip): tf.Tensor[] {
  if (gradients.length === 0) return [];
  if (value !== undefined) {
    return gradients.map((gradient) => {
      const clipped = tf.clipByValue(gradient, -value, value);
      gradient.dispose();
      return clipped;
    });
  }
  const factor = tf.tidy(() => {
    const squares = gradients.map((gradient) => tf.tidy(() => tf.sum(tf.square(gradient))));
    // PyTorch's: its small number keeps gradients of 0 from being divided by 0.
    return tf.minimum(tf.div(norm!, tf.add(tf.sqrt(tf.addN(squares)), 1e-6)), 1) as tf.Scalar;
  });
  const clipped = gradients.map((gradient) => fused().scale(gradient, factor));
  factor.dispose();
  return clipped;
}
