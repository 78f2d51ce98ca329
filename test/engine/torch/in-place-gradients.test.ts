import { expect, it } from 'vitest';
import type { NativeTensor } from '../../../src/engine/torch/native.js';
import { randomStream } from '../../../src/core/random.js';
import { describeNative } from './native-tools.js';

/** Of one layer whose ReLU follows a residual, with tiles of our own (8 channels) and by the library (200 channels). */
describeNative('gradients in memory that nobody reads any more', ({ native, keep, floats, call }) => {
  const random = randomStream(1, 'in place');
  const drawn = (...shape: number[]): NativeTensor =>
    floats(
      Array.from({ length: shape.reduce((a, b) => a * b) }, () => random.normal()),
      shape,
    );
  const names = ['x', 'filter', 'bias', 'gamma', 'beta', 'residual'];

  it.each([8, 200])('are the same to the last bit, of %i channels', (channels) => {
    const shape = [2, 6, 6, channels];
    const [x, c, y, dy] = [drawn(...shape), drawn(...shape), drawn(...shape), drawn(...shape)];
    const filter = drawn(3, 3, channels, channels);
    const vectors = [drawn(channels), drawn(channels), drawn(channels)];
    const deviation = call('aten::abs', undefined, drawn(channels));
    const run = (inPlace: boolean) => {
      const own = [x, c, dy].map((tensor) => call('aten::clone', undefined, tensor));
      const [ownX, ownC, ownDy] = own as [NativeTensor, NativeTensor, NativeTensor];
      native.resetPeakMemory('cpu');
      const before = native.memory('cpu').allocatedBytes;
      const gradients = native.op('locallearn::conv_bn_backward')(
        ...[
          ownDy,
          ownX,
          [],
          false,
          shape,
          filter,
          ownC,
          y,
          null,
          true,
          vectors[0]!,
          vectors[1]!,
          vectors[2]!,
          deviation,
        ],
        ...[false, 1, 1, 1, [], true, 1e-5, true, inPlace, inPlace, inPlace, true, true],
      ) as (NativeTensor | null)[];
      const { allocatedBytes, peakAllocatedBytes } = native.memory('cpu');
      for (const gradient of gradients) if (gradient !== null) keep(gradient);
      return {
        held: allocatedBytes - before,
        peak: peakAllocatedBytes - before,
        values: gradients.map((gradient) => gradient && native.read(gradient)),
        residualInDy: gradients[5]!.storage.address === ownDy.storage.address,
      };
    };
    const [apart, inPlace] = [run(false), run(true)];
    names.forEach((name, i) => expect(inPlace.values[i], name).toEqual(apart.values[i]));
    expect([apart.residualInDy, inPlace.residualInDy]).toEqual([false, true]);
    const map = 4 * 2 * 36 * channels;
    // That of the residual, and by our own that of x too; by the library that before normalisation, while it runs.
    expect(apart.held - inPlace.held).toBeGreaterThanOrEqual(channels === 8 ? 2 * map : map);
    expect(apart.peak - inPlace.peak).toBeGreaterThanOrEqual(2 * map);
  });
});
