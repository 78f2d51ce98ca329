import { expect, it } from 'vitest';
import { randomStream } from '../../../src/core/random.js';
import type { NativeTensor } from '../../../src/engine/torch/native.js';
import { describeNative } from './native-tools.js';

describeNative('batch normalisation of bfloat16 convolutions', ({ native, keep, floats, call, values }) => {
  it('takes its statistics from the rounded map, which it normalises', () => {
    const random = randomStream(1, 'rounded statistics');
    const drawn = (shape: readonly number[]): NativeTensor =>
      floats(
        Array.from({ length: shape.reduce((a, b) => a * b) }, () => 2 * random.uniform() - 1),
        shape,
      );
    const filled = (value: number): NativeTensor =>
      floats(
        Array.from({ length: 16 }, () => value),
        [16],
      );
    const x = call('aten::to', 'dtype', drawn([4, 6, 6, 16]), 'bfloat16');
    // By far the larger part of each value: what is rounded off is much of what is left without it.
    const bias = filled(1000);
    const [y, c, mean, inverse] = (
      native.op('locallearn::conv_bn')(
        ...[x, drawn([3, 3, 16, 16]), bias, filled(1), filled(0), filled(0), filled(1), null],
        ...[1, 1, 1, [], true, 0.1, 1e-5, false, true],
      ) as NativeTensor[]
    ).map(keep);
    const numbers = (tensor: NativeTensor): number[] => values(call('aten::to', 'dtype', tensor, 'float32'));
    const [kept, normalised] = [numbers(c!), numbers(y!)];
    const rows = kept.length / 16;
    for (let channel = 0; channel < 16; channel++) {
      const own = kept.filter((_, i) => i % 16 === channel);
      const average = own.reduce((a, b) => a + b) / rows;
      const variance = own.reduce((sum, value) => sum + (value - average) ** 2, 0) / rows;
      expect(values(mean!)[channel]).toBeCloseTo(average, 3);
      expect(values(inverse!)[channel]! * Math.sqrt(variance + 1e-5)).toBeCloseTo(1, 4);
      const made = normalised.filter((_, i) => i % 16 === channel);
      expect(made.reduce((a, b) => a + b) / rows).toBeCloseTo(0, 2);
    }
  });
});
