import type * as tf from '@tensorflow/tfjs';
import { linearOp } from '../../../../src/engine/fused/linear.js';
import { trainingMode } from '../../../../src/engine/fused/ops.js';
import type { OpCase } from '../op-case.js';

export const linearCases: readonly OpCase[] = [
  {
    name: 'linear on a map',
    inputs: [
      { name: 'x', shape: [2, 3, 2, 4] },
      { name: 'weight', shape: [4, 5] },
      { name: 'bias', shape: [5] },
    ],
    op: ([x, weight, bias]) => linearOp(x!, weight as tf.Tensor2D, bias as tf.Tensor1D, trainingMode),
    reference: ([x, weight, bias]) => linear(x!, weight!, bias!),
  },
  {
    name: 'linear without bias',
    inputs: [
      { name: 'x', shape: [3, 4] },
      { name: 'weight', shape: [4, 2] },
    ],
    op: ([x, weight]) => linearOp(x!, weight as tf.Tensor2D, undefined, trainingMode),
    reference: ([x, weight]) => linear(x!, weight!, new Float64Array(2)),
  },
];

/** Rows of `inputs` values times a `[inputs, outputs]` matrix, plus the bias. */
function linear(x: Float64Array, weight: Float64Array, bias: Float64Array): Float64Array {
  const outputs = bias.length;
  const inputs = weight.length / outputs;
  return Float64Array.from({ length: (x.length / inputs) * outputs }, (_, at) => {
    const row = Math.floor(at / outputs);
    let sum = bias[at % outputs]!;
    for (let i = 0; i < inputs; i++) sum += x[row * inputs + i]! * weight[i * outputs + (at % outputs)]!;
    return sum;
  });
}
