import tf = require('@tensorflow/tfjs');
import { integers, normal, type Computation, type Families } from '../../../compare.js';

const special = (): tf.Tensor1D =>
  tf.tensor1d([-Infinity, -2.5, -1, -0.5, 0, 0.5, 1.5, 2.5, 30, Infinity, NaN]);
const empty = (): tf.Tensor2D => tf.zeros([0, 3]);
const bools = (name: string): tf.Tensor => tf.cast(integers(name, [4, 5], 0, 2), 'bool');

/** Reductions, products of matrices. */
export const arrayCases: Families = {
  reduction: {
    ...Object.fromEntries(
      (['sum', 'mean', 'max', 'min', 'prod'] as const).map((name): [string, Computation] => [
        name,
        () => {
          const x = normal<tf.Rank.R3>('x', [3, 4, 5]);
          return [tf[name](x), tf[name](x, 1), tf[name](x, [0, 2], true), tf[name](x, -1), tf[name](x, [])];
        },
      ]),
    ),
    'of integers and booleans': () => {
      const x = integers('x', [3, 4], -5, 5);
      return [
        tf.sum(x, 0),
        tf.mean(x),
        tf.max(x, 1),
        tf.prod(x, 1),
        tf.sum(bools('b')),
        tf.mean(bools('b'), 0),
      ];
    },
    'any and all': () => {
      const x = bools('x');
      return [tf.any(x), tf.all(x), tf.any(x, 0, true), tf.all(x, [0, 1], true), tf.all(x, 1)];
    },
    'argMax and argMin, NaN left out, first of equals': () => {
      const x = tf.tensor2d([
        [1, NaN, 3, 3],
        [-1, -5, -5, NaN],
      ]);
      return [tf.argMax(x, 1), tf.argMin(x, 1), tf.argMax(normal('x', [3, 4, 5]), 0)];
    },
    'NaN in max': () => [tf.max(special()), tf.min(special()), tf.sum(special())],
    'cumsum and cumprod': () => {
      const x = normal('x', [3, 4, 2]);
      return [
        tf.cumsum(x, 1),
        tf.cumsum(x, 0, true),
        tf.cumsum(x, 2, false, true),
        tf.cumsum(x, 1, true, true),
        tf.cumprod(x, 1, true),
        tf.cumsum(integers('i', [5], 0, 9)),
      ];
    },
    topk: () => {
      const { values, indices } = tf.topk(
        tf.tensor2d([
          [1, 5, 5, 2],
          [4, 0, 9, 4],
        ]),
        3,
      );
      return [values, indices];
    },
    'softmax, log-softmax, moments, norm': () => {
      const x = normal<tf.Rank.R2>('x', [4, 6]);
      const { mean, variance } = tf.moments(x, [0]);
      return [
        tf.softmax(x),
        tf.logSoftmax(x),
        tf.logSumExp(x, 1),
        mean,
        variance,
        tf.norm(x),
        tf.norm(x, 2, 1),
      ];
    },
    empty: () => [
      tf.sum(empty()),
      tf.sum(empty(), 0),
      tf.sum(empty(), 1),
      tf.any(tf.cast(empty(), 'bool'), 0),
    ],
  },
  matmul: {
    'two matrices': () => tf.matMul(normal('a', [3, 4]), normal('b', [4, 5])),
    transposed: () => [
      tf.matMul(normal('a', [4, 3]), normal('b', [4, 5]), true),
      tf.matMul(normal('a', [3, 4]), normal('b', [5, 4]), false, true),
      tf.matMul(normal('a', [4, 3]), normal('b', [5, 4]), true, true),
    ],
    'batches, broadcast': () => [
      tf.matMul(normal('a', [2, 3, 4]), normal('b', [2, 4, 5])),
      tf.matMul(normal('a', [2, 3, 4]), normal('b', [4, 5])),
    ],
    integers: () => tf.matMul(integers('a', [3, 4], -5, 5), integers('b', [4, 5], -5, 5)),
    'dot and outer': () => [
      tf.dot(normal('a', [4]), normal('b', [4])),
      tf.outerProduct(normal('a', [3]), normal('b', [4])),
    ],
    ...Object.fromEntries(
      (['linear', 'relu', 'relu6', 'elu', 'sigmoid', 'leakyrelu', 'prelu'] as const).map(
        (activation): [string, Computation] => [
          `fused with ${activation}`,
          () =>
            tf.fused.matMul({
              a: normal('a', [3, 4]),
              b: normal('b', [4, 5]),
              bias: normal('bias', [5]),
              activation,
              preluActivationWeights: normal('prelu', [5]),
              leakyreluAlpha: 0.3,
            }),
        ],
      ),
    ),
    einsum: () => [
      tf.einsum('ij,jk->ik', normal('a', [3, 4]), normal('b', [4, 5])),
      tf.einsum('ijk->ki', normal('a', [2, 3, 4])),
    ],
    empty: () => tf.matMul(tf.zeros([0, 3]), tf.ones([3, 2])),
  },
};
