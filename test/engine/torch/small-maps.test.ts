import { expect, it } from 'vitest';
import type { NativeTensor } from '../../../src/engine/torch/native.js';
import { describeNative } from './native-tools.js';

describeNative('bfloat16 maps that are smaller than the filter', ({ native, keep, floats, call, values }) => {
  const short = (shape: readonly number[], value: number): NativeTensor => {
    const numbers = Array.from({ length: shape.reduce((a, b) => a * b) }, () => value);
    return call('aten::to', 'dtype', floats(numbers, shape), 'bfloat16');
  };

  it('give taps that reach no pixel the gradient 0', () => {
    // More channels than our own convolutions take, so that it is oneDNN that may leave them unwritten.
    const channels = 352;
    const [x, dy] = [short([1, 3, 1, channels], 1), short([1, 2, 1, 32], 1)];
    const filter = call('aten::zeros', undefined, [3, 3, channels, 32]);
    for (let round = 0; round < 10; round++) {
      // What is freed here is what the gradient's memory would be left as, in either type.
      const left = [1, 1, 2, 2].map((times) =>
        call('aten::full', undefined, [(times * 9 * channels * 32) / 2], 1e30),
      );
      for (const tensor of left) tensor.dispose();
      const [, gradient] = native.op('locallearn::conv_backward')(
        ...[dy, x, filter, false, 2, 1, 1, [], false, false, true],
      ) as (NativeTensor | null)[];
      const taps = values(keep(gradient!));
      const size = channels * 32;
      // Of rows of taps the outer ones reach one row of x each, the middle one two.
      const wanted = [0, 1, 0, 0, 2, 0, 0, 1, 0].flatMap((value) =>
        Array.from({ length: size }, () => value),
      );
      expect(taps).toEqual(wanted);
    }
  });
});
