import { expect, it } from 'vitest';
import type { NativeTensor } from '../../../src/engine/torch/native.js';
import { randomStream } from '../../../src/core/random.js';
import { describeNative } from './native-tools.js';

describeNative('our own max pool', ({ native, keep, floats, call, values }) => {
  const random = randomStream(1, 'max pool');
  const each = (
    name: string,
    ...args: Parameters<typeof call> extends [unknown, unknown, ...infer Rest] ? Rest : never
  ) => (native.op(name)(...args) as NativeTensor[]).map(keep);
  const channelsLast = (tensor: NativeTensor): NativeTensor =>
    call('aten::permute', undefined, tensor, [0, 2, 3, 1]);
  const channelsFirst = (tensor: NativeTensor): NativeTensor =>
    call('aten::permute', undefined, tensor, [0, 3, 1, 2]);

  it.each([
    ['float32', 3, 2, 1],
    ['float32', 2, 2, 0],
    ['bfloat16', 3, 1, 1],
  ] as const)(
    'is libtorch’s to the last bit: %s, windows of %i at stride %i',
    (dtype, window, stride, padding) => {
      const shape = [2, 7, 6, 5];
      // Many are equal, some are no numbers.
      const drawn = Array.from({ length: 420 }, () => (random.uniform() < 0.05 ? NaN : random.below(4) - 2));
      const x = call('aten::to', 'dtype', floats(drawn, shape), dtype);
      const windows = [[window, window], [stride, stride], [padding, padding], [1, 1], false] as const;
      const image = call('aten::contiguous', undefined, channelsFirst(x), 'channels_last');
      const [theirs, indices] = each('aten::max_pool2d_with_indices', image, ...windows);
      const [ours, positions] = each('locallearn::max_pool', x, window, stride, padding);
      const asFloats = (tensor: NativeTensor): number[] =>
        values(call('aten::to', 'dtype', tensor, 'float32'));
      expect(asFloats(ours!)).toEqual(asFloats(channelsLast(theirs!)));
      expect(positions!.storage.bytes).toBe(ours!.shape.reduce((a, b) => a * b));

      const dy = call('aten::ones_like', undefined, ours!);
      const gradient = call(
        'aten::max_pool2d_with_indices_backward',
        undefined,
        ...[
          call('aten::contiguous', undefined, channelsFirst(dy), 'channels_last'),
          image,
          ...windows,
          indices!,
        ],
      );
      const dx = call(
        'locallearn::max_pool_backward',
        undefined,
        dy,
        positions!,
        7,
        6,
        window,
        stride,
        padding,
      );
      expect(asFloats(dx)).toEqual(asFloats(channelsLast(gradient)));
    },
  );

  it('refuses positions that no window has', () => {
    const dy = floats([1], [1, 1, 1, 1]);
    const position = keep(native.fromTypedArray(Uint8Array.of(0), [1, 1, 1, 1], 'uint8', 'cpu'));
    // The first of a window of 3 that begins in the padding.
    expect(() => native.op('locallearn::max_pool_backward')(dy, position, 1, 1, 3, 1, 1)).toThrow(
      /'positions' must lie within their windows and the map/,
    );
  });
});
