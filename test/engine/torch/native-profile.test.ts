import { expect, it } from 'vitest';
import type { NativeTensor, ProfiledCall } from '../../../src/engine/torch/native.js';
import { describeNative } from './native-tools.js';

describeNative('a profile of native calls', ({ native, call }) => {
  const profiled = (f: () => void) => {
    native.startProfile();
    f();
    return native.stopProfile();
  };
  const named = (calls: readonly ProfiledCall[], name: string): ProfiledCall => {
    const found = calls.find((each) => each.name === name);
    if (found === undefined) throw new Error(`no ${name} in ${calls.map((each) => each.name).join(', ')}`);
    return found;
  };

  it('counts calls, what they allocate and what they hold, inside one another', () => {
    const a = call('aten::full', undefined, [1000], 1, 'float32'); // 4000 bytes → 4032
    const { calls } = profiled(() => {
      for (let i = 0; i < 3; i++) (native.op('aten::maximum')(a, a) as NativeTensor).dispose();
      (native.op('aten::einsum')('i,i->i', [a, a]) as NativeTensor).dispose();
    });
    const maximum = named(calls, 'aten::maximum');
    expect(maximum).toMatchObject({ calls: 3, allocatedBytes: 3 * 4032, peakBytes: 4032 });
    expect(named(maximum.inside, 'aten::maximum')).toMatchObject({ calls: 3, peakBytes: 4032 });
    expect(named(calls, 'NativeTensor.dispose').calls).toBe(4);
    expect(named(calls, 'op').calls).toBe(4);
    expect(calls.map(({ name }) => name)).not.toContain('stopProfile');
  });

  it('adds up: what is inside takes no longer than the whole', () => {
    const image = call('aten::full', undefined, [2, 3, 16, 16], 1, 'float32');
    const kernel = call('aten::full', undefined, [4, 3, 3, 3], 1, 'float32');
    const start = performance.now();
    const { calls, convolutions } = profiled(() => {
      for (let i = 0; i < 5; i++) {
        (
          native.op('aten::convolution')(
            image,
            kernel,
            null,
            ...[[2, 2], [1, 1], [1, 1], false, [0, 0], 1],
          ) as NativeTensor
        ).dispose();
      }
    });
    const elapsed = performance.now() - start;
    const milliseconds = (list: readonly ProfiledCall[]) =>
      list.reduce((total, each) => total + each.milliseconds, 0);
    const check = (each: ProfiledCall) => {
      expect(milliseconds(each.inside)).toBeLessThanOrEqual(each.milliseconds);
      each.inside.forEach(check);
    };
    calls.forEach(check);
    expect(milliseconds(calls)).toBeLessThanOrEqual(elapsed);
    expect(milliseconds(calls)).toBeGreaterThan(0);
    expect(convolutions).toEqual([
      {
        ...{ input: [2, 3, 16, 16], filter: [4, 3, 3, 3], stride: [2, 2], padding: [1, 1], groups: 1 },
        ...{ resizedFrom: [], forward: 5, backwardData: 0, backwardWeights: 0 },
      },
    ]);
  });

  it('leaves the peak as it would be without', () => {
    const a = call('aten::full', undefined, [100_000], 1, 'float32');
    const peakOf = (f: () => void) => {
      native.resetPeakMemory('cpu');
      f();
      const { peakAllocatedBytes, allocatedBytes } = native.memory('cpu');
      return peakAllocatedBytes - allocatedBytes;
    };
    const work = () => (native.op('aten::einsum')('i,i->i', [a, a]) as NativeTensor).dispose();
    const plain = peakOf(work);
    expect(plain).toBeGreaterThan(0);
    expect(
      peakOf(() => {
        profiled(work);
      }),
    ).toBe(plain);
  });

  it('survives calls that throw, and is taken one at a time', () => {
    const { calls } = profiled(() => {
      expect(() => native.op('aten::relu')('x')).toThrow(TypeError);
    });
    expect(named(calls, 'aten::relu')).toMatchObject({ calls: 1, inside: [] });
    expect(() => native.stopProfile()).toThrow('stopProfile: no profile is being taken');
    native.startProfile();
    expect(() => native.startProfile()).toThrow('startProfile: a profile is being taken already');
    expect(native.stopProfile().calls.map(({ name }) => name)).toEqual(['startProfile']);
  });
});
