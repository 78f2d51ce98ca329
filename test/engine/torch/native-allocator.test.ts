import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { NativeArgument, NativeTensor } from '../../../src/engine/torch/native.js';
import { describeNative } from './native-tools.js';

describeNative("the CPU's caching allocator", ({ native, call }) => {
  const bytes = () => native.memory('cpu');
  const empty = (size: number) => native.op('aten::empty', 'memory_format')([size], 'uint8') as NativeTensor;
  const full = (...args: NativeArgument[]) => native.op('aten::full')(...args);
  const item = (tensor: NativeTensor, at: number) => {
    const element = native.op('aten::narrow')(tensor, 0, at, 1) as NativeTensor;
    const [value] = native.read(element);
    element.dispose();
    return value;
  };

  it('counts exactly: current, peak, and the peak after a reset', () => {
    native.resetPeakMemory('cpu');
    const start = bytes();
    expect(start.peakAllocatedBytes).toBe(start.allocatedBytes);
    expect(start.peakReservedBytes).toBe(start.reservedBytes);

    const a = call('aten::empty', 'memory_format', [1000], 'float32'); // 4000 → 4032
    const b = call('aten::empty', 'memory_format', [1 << 20], 'float32'); // 4 MiB
    const c = call('aten::empty', 'memory_format', [1], 'uint8'); // 1 → 64
    const held = 4032 + 4 * 2 ** 20 + 64;
    expect(bytes().allocatedBytes - start.allocatedBytes).toBe(held);
    b.dispose();
    expect(bytes().allocatedBytes - start.allocatedBytes).toBe(4096);
    expect(bytes().peakAllocatedBytes - start.allocatedBytes).toBe(held);
    native.resetPeakMemory('cpu');
    expect(bytes().peakAllocatedBytes - start.allocatedBytes).toBe(4096);
    a.dispose();
    c.dispose();
    expect(bytes().allocatedBytes).toBe(start.allocatedBytes);
  });

  it('counts every size from one byte to a few pages rounded to 64, and reserves at most an eighth more', () => {
    for (let size = 1; size < 40_000; size += size < 3000 ? 61 : 977) {
      native.releaseCachedMemory('cpu');
      const before = bytes();
      const tensor = empty(size);
      const rounded = Math.ceil(size / 64) * 64;
      const reserved = bytes().reservedBytes - before.reservedBytes;
      expect(bytes().allocatedBytes - before.allocatedBytes).toBe(rounded);
      expect(reserved).toBeGreaterThanOrEqual(rounded);
      expect(reserved).toBeLessThanOrEqual(Math.max(rounded * 1.125, rounded + 512));
      tensor.dispose();
    }
  });

  it('reuses freed memory, also for somewhat smaller requests, and gives it back when asked', () => {
    native.releaseCachedMemory('cpu');
    const start = bytes().reservedBytes;
    empty(100_000).dispose();
    const reserved = bytes().reservedBytes;
    expect(reserved - start).toBeGreaterThanOrEqual(100_000);
    for (const size of [100_000, 95_000, 90_000]) {
      const tensor = empty(size);
      expect(bytes().reservedBytes).toBe(reserved);
      tensor.dispose();
    }
    const small = empty(50_000);
    expect(bytes().reservedBytes).toBeGreaterThan(reserved);
    small.dispose();
    native.releaseCachedMemory('cpu');
    expect(bytes().reservedBytes).toBe(start);
  });

  it('cuts large blocks to size and joins them again, in whatever order they are freed', () => {
    native.releaseCachedMemory('cpu');
    const start = bytes().reservedBytes;
    const megabyte = 2 ** 20;
    empty(16 * megabyte).dispose();
    for (const order of [
      [0, 1, 2, 3],
      [3, 2, 1, 0],
      [1, 3, 0, 2],
      [2, 0, 3, 1],
    ]) {
      const parts = [5, 3, 1, 7].map((size) => empty(size * megabyte));
      expect(bytes().reservedBytes - start).toBe(16 * megabyte);
      for (const k of order) parts[k]!.dispose();
      const whole = empty(16 * megabyte);
      expect(bytes().reservedBytes - start).toBe(16 * megabyte);
      whole.dispose();
    }
    const part = empty(megabyte);
    native.releaseCachedMemory('cpu');
    expect(bytes().reservedBytes - start).toBe(megabyte);
    part.dispose();
    native.releaseCachedMemory('cpu');
    expect(bytes().reservedBytes).toBe(start);
  });

  it('never hands out memory that is in use, and counts exactly, whatever is taken and freed', () => {
    const size = fc.oneof(fc.integer({ min: 1, max: 5000 }), fc.integer({ min: 5000, max: 5_000_000 }));
    const start = bytes().allocatedBytes;
    fc.assert(
      fc.property(fc.array(fc.tuple(size, fc.nat(9)), { maxLength: 60 }), (steps) => {
        const held: { tensor: NativeTensor; mark: number; size: number }[] = [];
        const free = (k: number) => {
          const [block] = held.splice(k % held.length, 1);
          const firstAndLast = [0, block!.size - 1].map((at) => item(block!.tensor, at));
          expect(firstAndLast).toEqual([block!.mark, block!.mark]);
          block!.tensor.dispose();
        };
        steps.forEach(([elements, k], step) => {
          const mark = step % 256;
          held.push({ tensor: full([elements], mark, 'uint8') as NativeTensor, mark, size: elements });
          if (k > 3) free(k);
        });
        const rounded = held.reduce((sum, block) => sum + Math.ceil(block.size / 64) * 64, 0);
        expect(bytes().allocatedBytes - start).toBe(rounded);
        while (held.length > 0) free(held.length >> 1);
        expect(bytes().allocatedBytes).toBe(start);
      }),
      { numRuns: 60 },
    );
  });

  it('holds as much after a thousand steps as after two', () => {
    const relu = native.op('aten::relu');
    const conv = native.op('aten::convolution');
    const image = call('aten::full', undefined, [2, 3, 16, 16], 1, 'float32');
    const kernel = call('aten::full', undefined, [4, 3, 3, 3], 1, 'float32');
    const step = () => {
      const y = conv(image, kernel, null, [1, 1], [1, 1], [1, 1], false, [0, 0], 1) as NativeTensor;
      const z = relu(y) as NativeTensor;
      y.dispose();
      expect(native.read(z).length).toBe(2048);
      z.dispose();
    };
    step();
    step();
    const before = bytes();
    for (let i = 0; i < 1000; i++) step();
    expect(bytes()).toEqual(before);
  });
});
