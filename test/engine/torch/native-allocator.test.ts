import { expect, it } from 'vitest';
import type { NativeTensor } from '../../../src/engine/torch/native.js';
import { describeNative } from './native-tools.js';

describeNative("the CPU's caching allocator", ({ native, call }) => {
  const bytes = () => native.memory('cpu');

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
    const empty = native.op('aten::empty', 'memory_format');
    for (let size = 1; size < 40_000; size += size < 3000 ? 61 : 977) {
      native.releaseCachedMemory('cpu');
      const before = bytes();
      const tensor = empty([size], 'uint8') as NativeTensor;
      const rounded = Math.ceil(size / 64) * 64;
      const reserved = bytes().reservedBytes - before.reservedBytes;
      expect(bytes().allocatedBytes - before.allocatedBytes).toBe(rounded);
      expect(reserved).toBeGreaterThanOrEqual(rounded);
      expect(reserved).toBeLessThanOrEqual(Math.max(rounded * 1.125, rounded + 512));
      tensor.dispose();
    }
  });

  it('reuses freed memory, also for somewhat smaller requests, and gives it back when asked', () => {
    const empty = native.op('aten::empty', 'memory_format');
    native.releaseCachedMemory('cpu');
    const start = bytes().reservedBytes;
    (empty([1 << 22], 'float32') as NativeTensor).dispose();
    expect(bytes().reservedBytes - start).toBe(2 ** 24);
    for (const share of [1, 0.95, 0.9]) {
      const tensor = empty([Math.floor(share * 2 ** 22)], 'float32') as NativeTensor;
      expect(bytes().reservedBytes - start).toBe(2 ** 24);
      tensor.dispose();
    }
    const small = empty([1 << 21], 'float32') as NativeTensor;
    expect(bytes().reservedBytes - start).toBe(2 ** 24 + 2 ** 23);
    small.dispose();
    native.releaseCachedMemory('cpu');
    expect(bytes().reservedBytes).toBe(start);
  });

  it('holds as much after a thousand steps as after two', () => {
    const relu = native.op('aten::relu');
    const conv = native.op('aten::conv2d');
    const image = call('aten::ones', undefined, [2, 3, 16, 16], 'float32');
    const kernel = call('aten::ones', undefined, [4, 3, 3, 3], 'float32');
    const step = () => {
      const y = conv(image, kernel, null, 1, 1) as NativeTensor;
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
