import type * as tf from '@tensorflow/tfjs';
import { trainingMode } from '../../../../src/engine/fused/ops.js';
import { fused } from '../../../../src/engine/fused/registry.js';
import type { OpCase } from '../op-case.js';
import { convolve, type ConvShape } from '../reference.js';
import { resizeBilinear } from './resize.js';

const shape: ConvShape = {
  ...{ x: { n: 2, h: 5, w: 5, c: 3 }, out: 4 },
  ...{ kernel: 3, stride: 1, padding: 1, groups: 1 },
};

export const convCases: readonly OpCase[] = (
  [
    [5, 5],
    [2, 3],
  ] as const
).map((from) => ({
  name: `conv with bias of ${from.join('×')}`,
  inputs: [
    { name: 'x', shape: [2, ...from, 3] },
    { name: 'filter', shape: [3, 3, 3, 4] },
    { name: 'bias', shape: [4] },
  ],
  op: ([x, filter, bias]) =>
    fused().conv(
      x as tf.Tensor4D,
      {
        ...{ filter: filter as tf.Tensor4D, bias: bias as tf.Tensor1D },
        ...{ stride: 1, padding: 1, groups: 1 },
        ...(from[0] === 5 ? {} : { resized: [5, 5] }),
      },
      trainingMode,
    ),
  reference: ([x, filter, bias]) =>
    convolve(shape, resizeBilinear(x!, [2, ...from, 3], [5, 5]), filter!, bias),
  tolerance: { values: 2e-4, gradients: 2e-4 },
}));
