import type * as tf from '@tensorflow/tfjs';
import { blendOp } from '../../../../src/engine/fused/blend.js';
import type { OpCase } from '../op-case.js';

const shape = [2, 3, 3, 2];

export const blendCases: readonly OpCase[] = [
  {
    name: 'blend',
    inputs: [
      { name: 'share', shape: [] },
      { name: 'a', shape },
      { name: 'b', shape },
    ],
    op: ([share, a, b]) => blendOp(share as tf.Scalar, a!, b!),
    reference: ([share, a, b]) => a!.map((value, i) => share![0]! * value + (2 - share![0]!) * b![i]!),
  },
];
