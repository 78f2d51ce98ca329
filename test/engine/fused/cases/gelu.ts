import { fused } from '../../../../src/engine/fused/registry.js';
import type { OpCase } from '../op-case.js';

export const geluCases: readonly OpCase[] = [
  {
    name: 'GELU',
    inputs: [{ name: 'x', shape: [4, 2, 2, 3] }],
    op: ([x]) => fused().gelu(x!),
    reference: ([x]) => x!.map((value) => (value * (1 + erf(value / Math.SQRT2))) / 2),
  },
];

/** Its Taylor series, good for |x| ≤ 4. */
function erf(x: number): number {
  let term = x;
  let sum = x;
  for (let n = 1; n < 100; n++) {
    term *= (-x * x) / n;
    sum += term / (2 * n + 1);
  }
  return (2 / Math.sqrt(Math.PI)) * sum;
}
