import type * as tf from '@tensorflow/tfjs';
import { onGradients } from './tape.js';

/** Multiply-adds by the weights that they were taken with; those without a weight are under undefined. */
export type MultiplyAdds = ReadonlyMap<tf.Tensor | undefined, number>;

/** A count that is under way. */
export interface MultiplyAddsCount {
  /** What was computed since it was opened. */
  readonly counted: MultiplyAdds;
  close(): void;
}

let current: Map<tf.Tensor | undefined, number> | undefined;

/**
 * Counts the products, each with its addition, of convolutions, linear layers, attention and comparisons of images,
 * forward and backward, as they are computed from here on: one multiply-add for each product, those with the zeros of a
 * padding included, as published counts have them. Layers tell of themselves, so the engine does not matter.
 * Normalisation, activations, pooling, resizing and the optimiser are not counted. One count at a time.
 */
export function countMultiplyAdds(): MultiplyAddsCount {
  if (current !== undefined) throw new Error('multiply-adds are being counted already');
  const counted = (current = new Map<tf.Tensor | undefined, number>());
  return { counted, close: () => (current = undefined) };
}

/** Counts what f computes, on top of what was counted before. */
export function countingInto<T>(counted: Map<tf.Tensor | undefined, number>, f: () => T): T {
  const count = countMultiplyAdds();
  try {
    return f();
  } finally {
    count.close();
    for (const [weight, products] of count.counted)
      counted.set(weight, (counted.get(weight) ?? 0) + products);
  }
}

/** Tells of so many products that are being computed with a weight, or with none. */
export function multiplied(weight: tf.Tensor | undefined, products: number): void {
  current?.set(weight, (current.get(weight) ?? 0) + products);
}

/** Runs f, a single op of TensorFlow.js, each of whose gradients takes as many products as itself. */
export function multiplying<T extends tf.Tensor>(
  weight: tf.Tensor | undefined,
  products: number,
  f: () => T,
): T {
  const y = f();
  if (current === undefined) return y;
  multiplied(weight, products);
  onGradients(y, () => multiplied(weight, products));
  return y;
}
