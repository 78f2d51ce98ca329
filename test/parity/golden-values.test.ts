import { describe, expect, test } from 'vitest';
import { goldenImages, goldenLabels, goldenParameter } from '../../src/parity/golden-values.js';

describe('golden values', () => {
  test('follow the name through CRC-32 and xorshift32, as Python has them', () => {
    const recorded = {
      'bn1.weight': [0.9371530525386333, -0.7874261015094817, 0.3907400891184807].map((u) => 1 + 0.1 * u),
      'fc.bias': [0.6209132876247168, -0.5447446615435183, 0.8860478810966015].map((u) => 0.1 * u),
    };
    for (const [name, values] of Object.entries(recorded)) {
      expect([...goldenParameter(name, [3])]).toEqual(values.map(Math.fround));
    }
  });

  test('are scaled by rank', () => {
    const u = goldenParameter('x.bias', [4]).map((value) => value * 10);
    const shapes = [
      goldenParameter('x.bias', [4, 1, 1, 1]).map((value) => value / Math.sqrt(6)),
      goldenParameter('x.bias', [1, 4]).map((value) => value * 2),
    ];
    for (const values of shapes) values.forEach((value, i) => expect(value).toBeCloseTo(u[i]!, 5));
    // A scalar, MAN++'s: about 1, whatever its name.
    expect(goldenParameter('x.bias', [])).toEqual(Float32Array.of(1 + goldenParameter('x.bias', [1])[0]!));
    expect(goldenParameter('x.weight', [3]).every((value) => Math.abs(value - 1) <= 0.1)).toBe(true);
  });

  test('lay images out with channels last, the stream running along channels first', () => {
    const two = goldenImages('input0', 2, [2, 2, 3]);
    const stream = goldenImages('input0', 1, [24, 1, 1]);
    expect(two[1]).toBe(stream[4]);
    expect(two[3]).toBe(stream[1]);
    expect(two[12]).toBe(stream[12]);
    expect(Math.min(...stream)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...stream)).toBeLessThan(1);
  });

  test('label images by (7i + s) mod 10', () => {
    expect([...goldenLabels(4, 2)]).toEqual([2, 9, 6, 3]);
  });
});
