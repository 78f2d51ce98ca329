import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { describe, expect, it } from 'vitest';
import type { NativeTensor } from '../../../src/engine/torch/native.js';
import { describeNative } from './native-tools.js';

describeNative('the bridge to libtorch', ({ native, keep, floats, call, values }) => {
  describe('operators', () => {
    it('compute on tensors made from typed arrays', () => {
      const sum = call('aten::add', 'Tensor', floats([1, 2, 3, 4], [2, 2]), floats([10, 20], [2]));
      expect(sum.shape).toEqual([2, 2]);
      expect(sum.dtype).toBe('float32');
      expect(sum.device).toBe('cpu');
      expect(native.read(sum)).toEqual(Float32Array.of(11, 22, 13, 24));
    });

    it('fill in the defaults of arguments that are left out or undefined', () => {
      const a = floats([5, 7]);
      expect(values(call('aten::sub', 'Tensor', a, a))).toEqual([0, 0]);
      expect(values(call('aten::sub', 'Tensor', a, a, 3))).toEqual([-10, -14]);
      expect(values(call('aten::clamp', undefined, a, undefined, 6))).toEqual([5, 6]);
      expect(values(call('aten::cumsum', undefined, a, 0, undefined))).toEqual([5, 12]);
    });

    it('take lists of tensors', () => {
      const a = floats([1, 2], [1, 2]);
      expect(values(call('aten::cat', undefined, [a, a, a], 0))).toEqual([1, 2, 1, 2, 1, 2]);
    });

    it('take optional tensors, and one number for all of a list of fixed length', () => {
      const image = floats([1, 2, 3, 4], [1, 1, 2, 2]);
      const kernel = floats([2], [1, 1, 1, 1]);
      const rest = [[1, 1], [0, 0], [1, 1], false, [0, 0], 1] as const;
      expect(values(call('aten::convolution', undefined, image, kernel, null, ...rest))).toEqual([
        2, 4, 6, 8,
      ]);
      expect(values(call('aten::convolution', undefined, image, kernel, floats([1]), ...rest))).toEqual([
        3, 5, 7, 9,
      ]);
      expect(values(call('aten::avg_pool2d', undefined, image, 2))).toEqual([2.5]);
      expect(values(call('aten::avg_pool2d', undefined, image, [1, 2]))).toEqual([1.5, 3.5]);
    });

    it('return several results, and null for those left undefined', () => {
      const [largest, index] = native.op('aten::sort', 'stable')(
        floats([1, 9, 3]),
        true,
        0,
        true,
      ) as NativeTensor[];
      expect(values(keep(largest!))).toEqual([9, 3, 1]);
      expect(keep(index!).dtype).toBe('int64');

      const image = floats([1, 2, 3, 4], [1, 1, 2, 2]);
      const gradients = native.op('aten::convolution_backward')(
        ...[image, image, floats([2], [1, 1, 1, 1]), null, [1, 1], [0, 0], [1, 1], false, [0, 0], 1],
        [false, true, false],
      ) as (NativeTensor | null)[];
      expect(gradients[0]).toBeNull();
      expect(values(keep(gradients[1]!))).toEqual([30]);
      expect(gradients[2]).toBeNull();
    });

    it('keep integers integer, and take booleans, dtypes, layouts and devices by name', () => {
      const integers = keep(native.fromTypedArray(Int32Array.of(1, 2), [2], 'int32', 'cpu'));
      expect(call('aten::add', 'Scalar', integers, 3).dtype).toBe('int32');
      expect(call('aten::add', 'Scalar', integers, 0.5).dtype).toBe('float32');
      expect(values(call('aten::full', undefined, [2], true, 'bool', 'strided', 'cpu'))).toEqual([1, 1]);
      expect(call('aten::zeros', undefined, [1, 0], 'uint8').dtype).toBe('uint8');
      const negativeZero = call('aten::full', undefined, [1], -0, 'float32');
      expect(Object.is(values(negativeZero)[0], -0)).toBe(true);
    });

    it('work in place, on views too, and every handle counts for itself', () => {
      const matrix = floats([1, 2, 3, 4], [2, 2]);
      const column = call('aten::narrow', undefined, matrix, 1, 0, 1);
      const result = call('aten::add_', 'Scalar', column, 10);
      expect(values(matrix)).toEqual([11, 2, 13, 4]);
      column.dispose();
      matrix.dispose();
      expect(values(result)).toEqual([11, 13]);
    });

    it('are the same function of the dispatcher as custom operators', () => {
      const [parameter, gradient, momentum] = [floats([1]), floats([2]), floats([0])];
      const step = native.op('locallearn::sgd_');
      expect(step([parameter], [gradient], [momentum], 0.5, 0, 0, false)).toBeUndefined();
      expect(values(parameter)).toEqual([0]);
    });
  });

  describe('reading and writing', () => {
    it('reads row-major whatever the strides', () => {
      const matrix = floats([1, 2, 3, 4, 5, 6], [2, 3]);
      expect(values(call('aten::transpose', 'int', matrix, 0, 1))).toEqual([1, 4, 2, 5, 3, 6]);
      expect(values(call('aten::expand', undefined, floats([7]), [3]))).toEqual([7, 7, 7]);
      expect(values(call('aten::flip', undefined, matrix, [1]))).toEqual([3, 2, 1, 6, 5, 4]);
      const image = floats([1, 2, 3, 4, 5, 6, 7, 8], [1, 2, 2, 2]);
      const channelsLast = call('aten::contiguous', undefined, image, 'channels_last');
      expect(values(channelsLast)).toEqual(values(image));
      expect(values(call('aten::permute', undefined, image, [0, 2, 3, 1]))).toEqual([1, 5, 2, 6, 3, 7, 4, 8]);
    });

    it('round-trips every element type, no elements, and scalars', () => {
      const pairs = [
        [Float32Array.of(0.5, -0, NaN, Infinity), 'float32'],
        [Int32Array.of(-1, 2 ** 31 - 1, -(2 ** 31)), 'int32'],
        [Uint8Array.of(0, 255), 'uint8'],
      ] as const;
      for (const [array, dtype] of pairs) {
        const tensor = keep(native.fromTypedArray(array, [array.length], dtype, 'cpu'));
        expect(tensor.dtype).toBe(dtype);
        expect(native.read(tensor)).toEqual(array);
      }
      const truth = keep(native.fromTypedArray(Uint8Array.of(0, 1, 7), [3], 'bool', 'cpu'));
      expect(native.read(truth)).toEqual(Uint8Array.of(0, 1, 1));
      expect(values(floats([], [0, 3]))).toEqual([]);
      expect(floats([4], []).shape).toEqual([]);
    });

    it('copies: neither side sees the other change', () => {
      const array = Float32Array.of(1, 2);
      const tensor = keep(native.fromTypedArray(array, [2], 'float32', 'cpu'));
      array[0] = 9;
      const copy = native.read(tensor);
      copy[1] = 9;
      expect(values(tensor)).toEqual([1, 2]);
    });

    it('takes part of a buffer, and shared memory', () => {
      const part = new Float32Array(Float32Array.of(1, 2, 3, 4).buffer, 4, 2);
      expect(values(keep(native.fromTypedArray(part, [2], 'float32', 'cpu')))).toEqual([2, 3]);
      const shared = new Int32Array(new SharedArrayBuffer(8));
      shared[1] = 5;
      expect(values(keep(native.fromTypedArray(shared, [2], 'int32', 'cpu')))).toEqual([0, 5]);
    });
  });

  describe('disposing', () => {
    it('frees once, however often it is asked', () => {
      const before = native.memory('cpu').allocatedBytes;
      const tensor = floats([1, 2, 3]);
      expect(tensor.disposed).toBe(false);
      expect(native.memory('cpu').allocatedBytes).toBe(before + 64);
      tensor.dispose();
      tensor.dispose();
      expect(tensor.disposed).toBe(true);
      expect(native.memory('cpu').allocatedBytes).toBe(before);
    });

    it('keeps memory that a view still needs', () => {
      const before = native.memory('cpu').allocatedBytes;
      const tensor = floats(Array.from({ length: 1000 }, () => 1));
      const view = call('aten::narrow', undefined, tensor, 0, 0, 1);
      tensor.dispose();
      expect(native.memory('cpu').allocatedBytes).toBe(before + 4032);
      view.dispose();
      expect(native.memory('cpu').allocatedBytes).toBe(before);
    });
  });

  it('refuses a second thread, and goes on in the first', async () => {
    const addon = fileURLToPath(new URL('../../../native/build/locallearn.node', import.meta.url));
    const worker = new Worker(`require(${JSON.stringify(addon)})`, { eval: true });
    const [error] = (await once(worker, 'error')) as [Error];
    expect(error.message).toBe('locallearn: libtorch is in use by another thread of this process');
    expect(values(call('aten::neg', undefined, floats([1])))).toEqual([-1]);
  });

  it.skipIf(process.arch !== 'x64')('multiplies and adds on all threads, as often as asked for', () => {
    // Vectors of eight or sixteen lanes.
    const once = native.multiplyAdds(1);
    expect([2 * 12 * 8, 2 * 12 * 16].map((each) => each * native.threads)).toContain(once);
    expect(native.multiplyAdds(1000)).toBe(1000 * once);
  });

  it('tells version, devices and threads', () => {
    expect(native.version).toMatch(/^\d+\.\d+/);
    expect(native.devices[0]?.id).toBe('cpu');
    const threads = native.threads;
    native.setThreads(1);
    expect(native.threads).toBe(1);
    native.setThreads(threads);
    expect(native.threads).toBe(threads);
  });
});
