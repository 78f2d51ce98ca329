import { z } from 'zod';
import type { MapShape } from '../../../networks/network.js';
import { sequential } from '../../../nn/layer.js';
import { flatten, linear } from '../../../nn/layers.js';
import { childScope } from '../../../nn/parameters.js';
import { averagePool, type AveragePoolOptions } from '../../../nn/pooling.js';
import { defineAuxiliary, type AuxiliaryNet } from './auxiliary.js';

/**
 * PredSim's classifier (Nøkland & Eidnes 2019, as AugLocal's code has it): average pool until the flattened features
 * are no more than `limit`, then a linear layer.
 *
 * @param limit the most numbers an image that the linear layer reads
 */
export function pooledLinear(limit: number): AuxiliaryNet {
  return (scope, { features }, outputs) => {
    const { inputs, ...pool } = poolWithin(features, limit);
    return sequential([averagePool(pool), flatten, linear(childScope(scope, 2), { inputs, outputs })]);
  };
}

/**
 * The pool's height, then its width, in turn, double until c · ⌈h / height⌉ · ⌈w / width⌉ ≤ limit, or until a window
 * is the whole map. Zeros at the borders, which count in the average, make up for a map that the windows do not divide.
 */
export function poolWithin(
  { height, width, channels }: MapShape,
  limit: number,
): AveragePoolOptions & { readonly inputs: number } {
  const window: [number, number] = [1, 1];
  const cells = (length: number, step: number): number => Math.ceil(length / step);
  const inputs = (): number => channels * cells(height, window[0]) * cells(width, window[1]);
  while (inputs() > limit && window[0] < Math.max(height, width)) {
    window[0] *= 2;
    if (inputs() > limit) window[1] *= 2;
  }
  const padding = (length: number, step: number): number =>
    Math.floor((step * (cells(length, step) - Math.floor(length / step))) / 2);
  return {
    window,
    padding: [padding(height, window[0]), padding(width, window[1])],
    inputs: inputs(),
  };
}

/** The most features that the linear layer reads; average pools bring them down to it. */
export const poolWidth = z.int().min(1).default(512);

export const pooled = defineAuxiliary({
  name: 'pooled',
  options: z.strictObject({ poolWidth }),
  build: (options) => pooledLinear(options.poolWidth),
});
