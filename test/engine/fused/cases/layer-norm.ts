import type * as tf from '@tensorflow/tfjs';
import { trainingMode } from '../../../../src/engine/fused/ops.js';
import { fused } from '../../../../src/engine/fused/registry.js';
import type { OpCase } from '../op-case.js';

export const layerNormCases: readonly OpCase[] = [
  {
    name: 'layer normalisation of a map',
    inputs: [
      { name: 'x', shape: [2, 2, 3, 8] },
      { name: 'gamma', shape: [8] },
      { name: 'beta', shape: [8] },
    ],
    op: ([x, gamma, beta]) =>
      fused().layerNorm(x!, { gamma: gamma as tf.Tensor1D, beta: beta as tf.Tensor1D }, trainingMode),
    reference: ([x, gamma, beta]) => layerNorm(x!, gamma!, beta!),
  },
];

function layerNorm(x: Float64Array, gamma: Float64Array, beta: Float64Array): Float64Array {
  const width = gamma.length;
  return x.map((value, at) => {
    const row = x.subarray(at - (at % width), at - (at % width) + width);
    const mean = row.reduce((sum, each) => sum + each, 0) / width;
    const variance = row.reduce((sum, each) => sum + (each - mean) ** 2, 0) / width;
    return ((value - mean) / Math.sqrt(variance + 1e-6)) * gamma[at % width]! + beta[at % width]!;
  });
}
