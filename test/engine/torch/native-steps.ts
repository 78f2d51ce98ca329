import fc from 'fast-check';
import type { Native, NativeCapture, NativeStep, NativeTensor } from '../../../src/engine/torch/native.js';

/** One call on tensors of two numbers: it reads two that there are, and some are freed after it. */
const randomCall = fc.record({
  a: fc.nat(),
  b: fc.nat(),
  by: fc.integer({ min: -2, max: 2 }),
  frees: fc.option(fc.nat(), { nil: undefined }),
  times: fc.boolean(),
});

/** Segments of a step at random. */
export const randomSegments = fc.array(fc.array(randomCall, { minLength: 1, maxLength: 6 }), {
  minLength: 1,
  maxLength: 4,
});
type Segments = Parameters<Parameters<(typeof randomSegments)['map']>[0]>[0];

/** Captures these calls, and makes them again with other numbers: what comes of that, and of the calls themselves. */
export function replayRandom(
  native: Native,
  segments: Segments,
): { readonly expected: readonly number[]; readonly replayed: readonly number[] } {
  const { capture } = native;
  const add = native.op('aten::add', 'Tensor') as (...args: unknown[]) => NativeTensor;
  const mul = native.op('aten::mul', 'Tensor') as (...args: unknown[]) => NativeTensor;
  const tensor = (...values: readonly number[]): NativeTensor =>
    native.fromTypedArray(Float32Array.from(values), [values.length], 'float32', 'cpu');
  const run = (x: NativeTensor, segment: (f: () => NativeTensor) => NativeTensor): number[] => {
    const alive = [x];
    const results = segments.map((calls) =>
      segment(() => {
        let last = x;
        for (const { a, b, by, frees, times } of calls) {
          const [left, right] = [alive[a % alive.length]!, alive[b % alive.length]!];
          last = times ? mul(left, right) : add(left, right, by);
          alive.push(last);
          const freed = frees === undefined ? 0 : frees % (alive.length - 1);
          if (freed > 0) alive.splice(freed, 1)[0]!.dispose();
        }
        return alive.splice(alive.indexOf(last), 1)[0]!;
      }),
    );
    const values = results.flatMap((result) => [...native.read(result)]);
    for (const each of [...alive.slice(1), ...results]) each.dispose();
    return values;
  };
  const [x, y] = [tensor(0.5, -1.25), tensor(1.5, 0.75)];
  const under = capture.begin();
  run(x, (f) => {
    capture.open(under, [], [x], [], []);
    const result = f();
    capture.close(under, [result]);
    return result;
  });
  const step = capture.end(under, true);
  if (typeof step === 'string') throw new Error(step);
  const expected = run(y, (f) => f());
  const outputs = capture.uses(step).map(
    (uses, segment) =>
      capture.play(
        step,
        segment,
        uses.map(() => y),
        [],
      )[0]!,
  );
  const replayed = outputs.flatMap((output) => [...native.read(output)]);
  for (const each of [...outputs, x, y]) each.dispose();
  return { expected, replayed };
}

/** What a segment is handed. */
type Handed = Partial<Record<'given' | 'kept' | 'variables', readonly NativeTensor[]>> & {
  readonly arrays?: readonly Float32Array[];
};

/** Calls, and a step of one segment that is made of them: its outputs are kept. */
export function stepTools(native: Native, keep: (tensor: NativeTensor) => NativeTensor) {
  const op =
    (name: string) =>
    (...args: unknown[]): NativeTensor =>
      (native.op(name, 'Tensor') as (...args: unknown[]) => NativeTensor)(...args);
  return {
    add: op('aten::add'),
    mul: op('aten::mul'),
    captured: (
      { given = [], kept = [], variables = [], arrays = [] }: Handed,
      f: () => NativeTensor[],
    ): NativeStep | string => {
      const under = native.capture.begin();
      native.capture.open(under, given, kept, variables, arrays);
      const outputs = f();
      native.capture.close(under, outputs);
      outputs.forEach(keep);
      return native.capture.end(under, true);
    },
  };
}

const names = ['begin', 'open', 'close', 'end', 'same', 'uses', 'fits', 'play', 'abandon'] as const;

/** A function of `Native.capture` with anything for arguments, often of these. */
export const randomCaptureCall = (
  values: readonly unknown[],
): fc.Arbitrary<[keyof NativeCapture, unknown[]]> => {
  const anything = fc.oneof(
    fc.constantFrom(...values),
    fc.array(fc.constantFrom(...values, null), { maxLength: 2 }),
    fc.constantFrom<unknown>([Float32Array.of(1)], null, undefined, 0, 1, -1, 0.5, 2 ** 40),
    fc.anything(),
  );
  return fc.tuple(fc.constantFrom(...names), fc.array(anything, { maxLength: 5 }));
};
