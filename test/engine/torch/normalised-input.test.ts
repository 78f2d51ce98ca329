import { expect, it } from 'vitest';
import { randomStream } from '../../../src/core/random.js';
import type { NativeTensor } from '../../../src/engine/torch/native.js';
import { describeNative } from './native-tools.js';

describeNative('a convolution that normalises what it reads', ({ native, keep, floats, call }) => {
  const random = randomStream(1, 'normalised input');
  const drawn = (...shape: number[]): NativeTensor =>
    floats(
      Array.from({ length: shape.reduce((a, b) => a * b) }, () => 2 * random.uniform() - 1),
      shape,
    );
  const norm = (channels: number): NativeTensor[] => [
    ...[drawn(channels), drawn(channels), drawn(channels)],
    call('aten::abs', undefined, drawn(channels)),
  ];

  // In quads of either stride, to few channels, tap by tap, and by the library.
  it.each([
    [16, 12, 3, 1],
    [12, 16, 3, 2],
    [9, 3, 3, 1],
    [5, 7, 1, 2],
    [300, 8, 3, 1],
  ])(
    'has the gradients of the normalised map, to the last bit: %i to %i channels',
    (inputs, out, kernel, stride) => {
      const padding = (kernel - 1) / 2;
      const x = drawn(3, 7, 5, inputs);
      const filter = drawn(kernel, kernel, inputs, out);
      const c = call('locallearn::conv', undefined, x, filter, null, stride, padding, 1, []);
      const dy = drawn(...c.shape);
      const by = norm(inputs);
      const own = norm(out);
      for (const relu of [false, true]) {
        const map = call('locallearn::bn_result', undefined, x, ...by, relu);
        const gradients = (read: NativeTensor, readBy: NativeTensor[]) => {
          const found = native.op('locallearn::conv_bn_backward')(
            ...[
              dy,
              read,
              readBy,
              relu,
              x.shape,
              filter,
              c,
              null,
              null,
              true,
              ...own,
              false,
              stride,
              padding,
              1,
              [],
            ],
            ...[true, 1e-5, true, false, false, false, true, false],
          ) as (NativeTensor | null)[];
          return found.map((tensor) => tensor && native.read(keep(tensor)));
        };
        expect(gradients(x, by)).toEqual(gradients(map, []));
        expect(gradients(x, [])).not.toEqual(gradients(map, []));
      }
    },
  );
});
