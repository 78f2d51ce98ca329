import tf = require('@tensorflow/tfjs');
import { fused } from '../../../../src/engine/fused/registry.js';
import type { OpCase } from '../op-case.js';

/** Rows of soft targets, one of which does not add up to 1. */
const targets = [
  [1, 0, 0],
  [0.25, 0.5, 0.25],
  [0, 0.5, 0.25],
];

export const crossEntropyCases: readonly OpCase[] = [
  {
    name: 'cross-entropy',
    inputs: [{ name: 'logits', shape: [3, 3] }],
    op: ([logits]) => tf.tidy(() => fused().crossEntropy(logits as tf.Tensor2D, tf.tensor2d(targets))),
    reference: ([logits]) => {
      const row = (i: number): Float64Array => logits!.subarray(3 * i, 3 * i + 3);
      const logSum = (values: Float64Array): number =>
        Math.log(values.reduce((sum, value) => sum + Math.exp(value), 0));
      const losses = targets.map((target, i) =>
        target.reduce((sum, share, j) => sum - share * (row(i)[j]! - logSum(row(i))), 0),
      );
      return Float64Array.of(losses.reduce((sum, loss) => sum + loss, 0) / targets.length);
    },
  },
];
