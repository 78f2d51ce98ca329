import fc from 'fast-check';
import { expect, it } from 'vitest';
import { randomStream } from '../../../src/core/random.js';
import type { NativeArgument, NativeTensor } from '../../../src/engine/torch/native.js';
import { fuzzRuns } from '../../support/fuzz.js';
import { describeNative } from './native-tools.js';

interface Shape {
  readonly size: readonly number[];
  readonly out: number;
  readonly kernel: number;
  readonly stride: number;
  readonly padding: number;
  readonly bias: boolean;
  /** Height and width that the images are resized to first, or neither. */
  readonly resized: readonly number[];
}

const largest = (values: readonly number[]): number => values.reduce((a, b) => Math.max(a, b));

/** Beside the channels of a tile, and few enough for another kind of tile. */
const channels = fc.constantFrom(1, 2, 3, 4, 8, 9, 12, 16, 17, 32, 40, 70);

const shapes = fc
  .record({
    images: fc.integer({ min: 1, max: 6 }),
    height: fc.integer({ min: 1, max: 13 }),
    width: fc.integer({ min: 1, max: 13 }),
    inputs: channels,
    out: channels,
    kernel: fc.constantFrom(1, 2, 3, 3, 3, 3),
    stride: fc.constantFrom(1, 1, 2),
    padding: fc.integer({ min: 0, max: 1 }),
    bias: fc.boolean(),
    // Between pixels at shares of which float32 loses nothing.
    resized: fc.option(fc.tuple(fc.constantFrom(1, 2, 4), fc.constantFrom(1, 2, 4))),
  })
  .map(({ images, height, width, inputs, padding, resized, ...rest }): Shape => {
    const larger = (resized ?? []).map((times, i) => times * ([height, width][i]! - 1) + 1);
    const size = [images, height, width, inputs];
    return { ...rest, size, padding: Math.min(padding, rest.kernel - 1), resized: larger };
  })
  .filter(({ size: [, height, width], kernel, padding, resized }) => {
    const read = resized.length > 0 ? resized : [height!, width!];
    return Math.min(...read) + 2 * padding >= kernel;
  });

describeNative('our own convolutions', ({ native, keep, floats, call, values }) => {
  const firstTwo = (name: string, ...args: NativeArgument[]): readonly [NativeTensor, NativeTensor] => {
    const [x, filter] = native.op(name)(...args) as NativeTensor[];
    return [keep(x!), keep(filter!)];
  };
  const moved = (tensor: NativeTensor, ...axes: number[]): NativeTensor =>
    call('aten::permute', undefined, tensor, axes);
  const exact = (tensor: NativeTensor, ...axes: number[]): NativeTensor =>
    call('aten::to', 'dtype', call('aten::contiguous', undefined, moved(tensor, ...axes)), 'float64');

  it.each([
    ['float32', 5e-7],
    // Values are rounded to 8 bits when they are written, and to be multiplied where the processor multiplies these, which
    // shows in full in filters' gradients of a few pixels: up to 1.8e-2.
    ['bfloat16', 2.5e-2],
  ] as const)(
    'of %s maps are near those of libtorch in float64, with every shape of theirs',
    (type, bound) => {
      fc.assert(
        fc.property(shapes, fc.nat(), ({ size, out, kernel, stride, padding, bias, resized }, seed) => {
          const random = randomStream(seed, 'convolution');
          const drawn = (shape: readonly number[]): NativeTensor =>
            floats(
              Array.from({ length: shape.reduce((a, b) => a * b) }, () => 2 * random.uniform() - 1),
              shape,
            );
          const map = (shape: readonly number[]): NativeTensor =>
            call('aten::to', 'dtype', drawn(shape), type);
          const [x, filter] = [map(size), drawn([kernel, kernel, size[3]!, out])];
          const start = bias ? drawn([out]) : null;
          const y = call('locallearn::conv', undefined, x, filter, start, stride, padding, 1, resized);
          const dy = map(y.shape);
          const ours = firstTwo(
            'locallearn::conv_backward',
            ...[dy, x, filter, false, stride, padding, 1, resized, true, false, true],
          );

          const windows = [[stride, stride], [padding, padding], [1, 1], false, [0, 0], 1] as const;
          const theirs = (all: (tensor: NativeTensor) => NativeTensor): number[][] => {
            const dyAll = all(exact(dy, 0, 3, 1, 2));
            const small = all(exact(x, 0, 3, 1, 2));
            const sizes = [resized, small.shape];
            const xAll =
              resized.length > 0
                ? call('aten::upsample_bilinear2d', undefined, small, resized, true, null, null)
                : small;
            const filterAll = all(exact(filter, 3, 2, 0, 1));
            const startAll = start === null ? null : all(exact(start, 0));
            const wants = [true, true, false];
            const [dxAll, df] = firstTwo(
              'aten::convolution_backward',
              ...[dyAll, xAll, filterAll, null, ...windows, wants],
            );
            const dx =
              resized.length > 0
                ? call('aten::upsample_bilinear2d_backward', undefined, dxAll, ...sizes, true, null, null)
                : dxAll;
            const made = call('aten::convolution', undefined, xAll, filterAll, startAll, ...windows);
            return [moved(made, 0, 2, 3, 1), moved(dx, 0, 2, 3, 1), moved(df, 2, 3, 1, 0)].map((tensor) =>
              values(call('aten::to', 'dtype', tensor, 'float32')),
            );
          };
          const wanted = theirs((tensor) => tensor);
          // The most that is added up for one value: quads share their errors among neighbours.
          const most = theirs((tensor) => call('aten::abs', undefined, tensor)).map(largest);
          [y, ...ours].forEach((tensor, i) => {
            const found = values(call('aten::to', 'dtype', tensor, 'float32'));
            const errors = found.map((value, j) => Math.abs(value - wanted[i]![j]!) / most[i]!);
            expect(largest(errors)).toBeLessThan(bound);
          });
        }),
        { numRuns: fuzzRuns(200) },
      );
    },
  );
});
