import tf = require('@tensorflow/tfjs');
import { fused } from '../../../../src/engine/fused/registry.js';
import type { OpCase } from '../op-case.js';

const targets = [0, 1, 0.25, 0.75, 0.5, 1];

export const binaryCrossEntropyCases: readonly OpCase[] = [
  {
    name: 'binary cross-entropy',
    inputs: [{ name: 'logits', shape: [2, 3], value: (drawn) => 3 * drawn }],
    op: ([logits]) => tf.tidy(() => fused().binaryCrossEntropy(logits!, tf.tensor2d(targets, [2, 3]))),
    reference: ([logits]) => {
      const losses = targets.map((target, i) => {
        const probability = 1 / (1 + Math.exp(-logits![i]!));
        return -target * Math.log(probability) - (1 - target) * Math.log(1 - probability);
      });
      return Float64Array.of(losses.reduce((sum, loss) => sum + loss, 0) / targets.length);
    },
  },
];
