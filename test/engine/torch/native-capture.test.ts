import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { NativeStep, NativeTensor } from '../../../src/engine/torch/native.js';
import { fuzzRuns } from '../../support/fuzz.js';
import { randomCaptureCall, randomSegments, replayRandom, stepTools } from './native-steps.js';
import { describeNative } from './native-tools.js';

describeNative('captured steps of the bridge', ({ native, floats, keep, values }) => {
  const { add, mul, captured } = stepTools(native, keep);
  const held = (): number => native.memory('cpu').allocatedBytes;
  const step = (found: NativeStep | string): NativeStep => {
    if (typeof found === 'string') throw new Error(found);
    return found;
  };

  it('are made again with other tensors and the same numbers', () => {
    const x = floats([1, 2]);
    const w = floats([10, 20]);
    const made = step(
      captured({ kept: [x], variables: [w] }, () => {
        const scaled = mul(x, w);
        const sum = add(scaled, x, 0.5);
        scaled.dispose();
        return [sum];
      }),
    );
    expect(native.capture.uses(made)).toEqual([
      [
        { of: 'kept', place: 0 },
        { of: 'variables', place: 0 },
      ],
    ]);
    const before = held();
    const [again] = native.capture.play(made, 0, [floats([3, 4]), w], []);
    expect(values(keep(again!))).toEqual([31.5, 82]);
    again!.dispose();
    expect(held()).toBe(before + 64);
  });

  it('read arrays anew, and other values as they were', () => {
    const input = Float32Array.of(1, 2, 3, 4);
    const made = step(
      captured({ arrays: [input] }, () => {
        const own = native.fromTypedArray(input.subarray(2), [2], 'float32', 'cpu');
        const constant = native.fromTypedArray(Float32Array.of(100, 200), [2], 'float32', 'cpu');
        const sum = add(own, constant);
        own.dispose();
        constant.dispose();
        return [sum];
      }),
    );
    const [again] = native.capture.play(made, 0, [], [Float32Array.of(5, 6, 7, 8)]);
    expect(values(keep(again!))).toEqual([107, 208]);
    expect(() => native.capture.play(made, 0, [], [Float32Array.of(1, 2, 3)])).toThrow(
      'fromTypedArray: an array is shorter than the one captured',
    );
    expect(() => native.capture.play(made, 0, [], [])).toThrow(/fromTypedArray: /);
  });

  it('dispose what they were given where they did that, and keep what a later segment reads', () => {
    const x = floats([1, 2]);
    const under = native.capture.begin();
    native.capture.open(under, [x], [], [], []);
    const doubled = add(x, x);
    x.dispose();
    const handed = mul(doubled, doubled);
    native.capture.close(under, [handed]);
    native.capture.open(under, [handed], [], [], []);
    const sum = add(doubled, handed);
    handed.dispose();
    doubled.dispose();
    native.capture.close(under, [sum]);
    expect(values(keep(sum))).toEqual([6, 20]);
    const made = step(native.capture.end(under, true));

    const other = floats([3, 4]);
    const [first] = native.capture.play(made, 0, [other], []);
    expect(other.disposed).toBe(true);
    expect(values(first!)).toEqual([36, 64]);
    const [second] = native.capture.play(made, 1, [first!], []);
    expect(first!.disposed).toBe(true);
    expect(values(keep(second!))).toEqual([42, 72]);
  });

  it('read in a later segment what was handed out and freed by JavaScript, until the captured step freed it', () => {
    const x = floats([1, 2]);
    const under = native.capture.begin();
    native.capture.open(under, [], [x], [], []);
    const handed = add(x, x);
    native.capture.close(under, [handed]);
    native.capture.open(under, [], [], [], []);
    const square = mul(handed, handed);
    handed.dispose();
    native.capture.close(under, [keep(square)]);
    const made = step(native.capture.end(under, true));
    const before = held();
    const [first] = native.capture.play(made, 0, [floats([3, 4])], []);
    first!.dispose();
    const [second] = native.capture.play(made, 1, [], []);
    expect(values(second!)).toEqual([36, 64]);
    second!.dispose();
    expect(held()).toBe(before + 64);
  });

  it('take what was disposed while they looked at it for what it is', () => {
    const [x, y] = [floats([1]), floats([2])];
    const under = native.capture.begin();
    const kept = [y];
    Object.defineProperty(kept, 0, {
      get() {
        x.dispose();
        return y;
      },
    });
    expect(() => native.capture.open(under, [x], kept, [], [])).toThrow('is a disposed tensor');
    expect(native.capture.end(under, true)).not.toBeTypeOf('string');
    expect(() => native.capture.close(under, [])).toThrow("capture.close: argument 'capture' has ended");
  });

  it('are the same where all numbers are, to the bit', () => {
    const x = floats([1, 2]);
    const scaled = (by: number, value = 3): NativeStep =>
      step(
        captured({ kept: [x] }, () => {
          const constant = native.fromTypedArray(Float32Array.of(value), [1], 'float32', 'cpu');
          const y = add(x, constant, by);
          constant.dispose();
          return [y];
        }),
      );
    expect(native.capture.same(scaled(0.5), scaled(0.5))).toBe(true);
    expect(native.capture.same(scaled(NaN), scaled(NaN))).toBe(true);
    expect(native.capture.same(scaled(0.5), scaled(0.25))).toBe(false);
    expect(native.capture.same(scaled(0.5), scaled(0.5, 4))).toBe(false);
    expect(native.capture.same(scaled(0), scaled(-0))).toBe(false);
  });

  it('fit tensors of the same shape, layout and dtype alone', () => {
    const x = floats([1, 2, 3, 4], [2, 2]);
    const made = step(captured({ variables: [x] }, () => [add(x, x)]));
    const transposed = keep((native.op('aten::transpose', 'int') as typeof add)(x, 0, 1));
    expect(native.capture.fits(made, 0, [floats([5, 6, 7, 8], [2, 2])])).toBe(true);
    expect(native.capture.fits(made, 0, [null])).toBe(true);
    expect(native.capture.fits(made, 0, [floats([1, 2, 3, 4])])).toBe(false);
    expect(native.capture.fits(made, 0, [transposed])).toBe(false);
    expect(() => native.capture.play(made, 0, [transposed], [])).toThrow(
      "capture.play: argument 'tensors[0]' is not as the captured one",
    );
  });

  it('leave nothing where an operator in them fails, and say which', () => {
    const x = floats([1, 2]);
    const table = floats([1, 2, 3]);
    const index = keep(native.fromTypedArray(Int32Array.of(0, 2), [2], 'int32', 'cpu'));
    const select = native.op('aten::index_select') as typeof add;
    const made = step(
      captured({ kept: [x, index], variables: [table] }, () => {
        const big = add(x, x);
        const found = select(table, 0, index);
        big.dispose();
        return [found];
      }),
    );
    const wrong = keep(native.fromTypedArray(Int32Array.of(0, 3), [2], 'int32', 'cpu'));
    const before = held();
    expect(() => native.capture.play(made, 0, [x, table, wrong], [])).toThrow(/^aten::index_select: /);
    expect(held()).toBe(before);
    const [again] = native.capture.play(made, 0, [x, table, index], []);
    expect(values(keep(again!))).toEqual([1, 3]);
  });

  it('check values that a kernel would follow unchecked', () => {
    const image = floats([1, 2, 3, 4], [1, 1, 2, 2]);
    const pool = native.op('aten::max_pool2d_with_indices') as (...args: unknown[]) => NativeTensor[];
    const back = native.op('aten::max_pool2d_with_indices_backward') as typeof add;
    const [y, indices] = pool(image, [2, 2], [2, 2], [0, 0], [1, 1], false).map(keep);
    const made = step(
      captured({ kept: [y!, image, indices!] }, () => [
        back(y!, image, [2, 2], [2, 2], [0, 0], [1, 1], false, indices!),
      ]),
    );
    const wrong = keep(add(indices!, indices!, 1_000_000));
    const again = (positions: NativeTensor): readonly NativeTensor[] =>
      native.capture.play(
        made,
        0,
        native.capture.uses(made)[0]!.map(({ place }) => [y!, image, positions][place]!),
        [],
      );
    expect(values(keep(again(indices!)[0]!))).toEqual([0, 0, 0, 4]);
    expect(() => again(wrong)).toThrow(
      "aten::max_pool2d_with_indices_backward: argument 'indices' must lie within",
    );
  });

  it('go on from segment to segment, and from the first at any time', () => {
    const x = floats([1]);
    const under = native.capture.begin();
    for (let segment = 0; segment < 2; segment++) {
      native.capture.open(under, [], [x], [], []);
      native.capture.close(under, [keep(add(x, x))]);
    }
    const made = step(native.capture.end(under, true));
    expect(() => native.capture.play(made, 1, [x], [])).toThrow("argument 'segment' must be the next one, 0");
    keep(native.capture.play(made, 0, [x], [])[0]!);
    keep(native.capture.play(made, 0, [x], [])[0]!);
    native.capture.abandon(made);
    expect(() => native.capture.play(made, 1, [x], [])).toThrow("argument 'segment' must be the next one, 0");
    expect(() => native.capture.play(made, 2, [x], [])).toThrow(
      "argument 'segment' must be from 0 to 1, got 2",
    );
  });

  it('throw errors of their name and nothing else, whatever they are given', () => {
    const x = floats([1, 2]);
    const made = step(captured({ kept: [x] }, () => [add(x, x)]));
    fc.assert(
      fc.property(randomCaptureCall([made, x, native.capture.begin()]), ([name, args]) => {
        try {
          (native.capture[name] as (...args: unknown[]) => unknown)(...args);
        } catch (error) {
          expect((error as Error).message).toMatch(
            new RegExp(`^capture.${name}: |^aten::|^fromTypedArray: `),
          );
        }
      }),
      { numRuns: fuzzRuns(5000) },
    );
  });

  it('make random computations again', () => {
    fc.assert(
      fc.property(randomSegments, (segments) => {
        const before = held();
        const { expected, replayed } = replayRandom(native, segments);
        expect(replayed).toEqual(expected);
        expect(held()).toBe(before);
      }),
      { numRuns: fuzzRuns(500) },
    );
  });
});
