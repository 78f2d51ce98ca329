import tf = require('@tensorflow/tfjs');
import { expect } from 'vitest';
import { randomStream } from '../../src/core/random.js';
import { nativeStatus } from '../../src/engine/torch/load-native.js';

/** Whether libtorch and the bridge are here; without them the tests of the torch engine are skipped. */
export const hasTorch = nativeStatus().available;

/** Standard normal values, the same wherever the name is. */
export function normal<R extends tf.Rank>(name: string, shape: tf.ShapeMap[R]): tf.Tensor<R> {
  const random = randomStream(1, name);
  const values = Float32Array.from({ length: tf.util.sizeFromShape(shape) }, () => random.normal());
  return tf.tensor<R>(values, shape);
}

/** Uniform values in [low, high). */
export function uniform<R extends tf.Rank>(
  name: string,
  shape: tf.ShapeMap[R],
  low: number,
  high: number,
): tf.Tensor<R> {
  const random = randomStream(1, name);
  const draw = (): number => low + random.uniform() * (high - low);
  return tf.tensor<R>(Float32Array.from({ length: tf.util.sizeFromShape(shape) }, draw), shape);
}

/** Integers from low to high − 1. */
export function integers<R extends tf.Rank>(
  name: string,
  shape: tf.ShapeMap[R],
  low: number,
  high: number,
): tf.Tensor<R> {
  const random = randomStream(1, name);
  const draw = (): number => low + random.below(high - low);
  return tf.tensor<R>(Int32Array.from({ length: tf.util.sizeFromShape(shape) }, draw), shape, 'int32');
}

export type Computation = () => tf.Tensor | tf.Tensor[];

/** Computations by what they test, by family. */
export type Families = Readonly<Record<string, Readonly<Record<string, Computation>>>>;

interface Computed {
  readonly shape: number[];
  readonly dtype: tf.DataType;
  readonly values: ArrayLike<number>;
}

/** Runs f, which makes its own inputs, on a backend. */
export async function runOn(backend: string, f: Computation): Promise<Computed[]> {
  await tf.setBackend(backend);
  return tf.tidy(() =>
    [f()].flat().map((tensor) => ({
      shape: tensor.shape,
      dtype: tensor.dtype,
      values: tensor.dataSync(),
    })),
  );
}

/** Shapes, dtypes and values (within `tolerance`, absolute for small ones and relative for large) are the same. */
export function expectSame(
  actual: readonly Computed[],
  expected: readonly Computed[],
  tolerance = 1e-5,
): void {
  expect(actual.map(({ shape, dtype }) => ({ shape, dtype }))).toEqual(
    expected.map(({ shape, dtype }) => ({ shape, dtype })),
  );
  actual.forEach(({ values }, i) => {
    const wanted = expected[i]!.values;
    const wrong = Array.from(values).findIndex((value, j) => !close(value, wanted[j]!, tolerance));
    expect(
      wrong < 0 ? 'same' : `output ${i}, value ${wrong}: ${values[wrong]} instead of ${wanted[wrong]}`,
    ).toBe('same');
  });
}

const close = (a: number, b: number, tolerance: number): boolean =>
  Object.is(a, b) || a === b || Math.abs(a - b) <= tolerance * Math.max(1, Math.abs(b));

/**
 * The gradients of `sum(weights · f(...inputs))`, with random weights, by tf.grads.
 */
export function weightedGradients(
  f: (...inputs: tf.Tensor[]) => tf.Tensor,
  inputs: tf.Tensor[],
): tf.Tensor[] {
  return tf.grads((...args: tf.Tensor[]) => {
    const y = f(...args);
    return tf.sum(tf.mul(y, normal('weights', y.shape as [number])));
  })(inputs);
}
