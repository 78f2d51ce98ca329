import { addOp } from '../../../../src/engine/fused/add.js';
import type { OpCase } from '../op-case.js';

const shape = [2, 3, 3, 2];

export const addCases: readonly OpCase[] = [
  {
    name: 'sum',
    inputs: [
      { name: 'a', shape },
      { name: 'b', shape },
    ],
    op: ([a, b]) => addOp(a!, b!),
    reference: ([a, b]) => a!.map((value, i) => value + b![i]!),
  },
  {
    name: 'sum of a tensor and itself',
    inputs: [{ name: 'a', shape }],
    op: ([a]) => addOp(a!, a!),
    reference: ([a]) => a!.map((value) => 2 * value),
  },
];
