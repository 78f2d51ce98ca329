/** Calls of libtorch that are wrong in one way or another. */
import fc from 'fast-check';
import type { Native, NativeArgument, NativeTensor } from '../../../src/engine/torch/native.js';
import { rightCalls, type CallSpec, type TensorForm, type TensorSpec } from './native-calls.js';

export const anyTensor: fc.Arbitrary<TensorSpec> = fc.record({
  shape: fc.array(fc.constantFrom(0, 1, 2, 3, 4, 6, 8), { maxLength: 5 }),
  dtype: fc.constantFrom('float32', 'float32', 'float32', 'int64', 'int32', 'bool', 'uint8'),
  below: fc.constantFrom(1, 2, 7, 1000, -7),
  form: fc.oneof(
    { weight: 8, arbitrary: fc.constant(undefined) },
    fc.constantFrom<TensorForm>('turned', 'gaps', 'repeated', 'disposed', 'first'),
  ),
});
export const anyInteger = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: -3, max: 8 }) },
  fc.constantFrom(2 ** 40, -(2 ** 40), 2 ** 53 - 1, 1 - 2 ** 53),
);
export const anyArgument = fc.oneof(
  { weight: 8, arbitrary: anyTensor },
  { weight: 4, arbitrary: anyInteger },
  { weight: 4, arbitrary: fc.array(anyInteger, { maxLength: 4 }) },
  fc.array(anyTensor, { maxLength: 3 }),
  fc.array(fc.boolean(), { maxLength: 3 }),
  fc.constantFrom(undefined, null, true, false, '', 'float32', 'int64', 'cpu', 'channels_last'),
  fc.constantFrom(NaN, Infinity, 0.5, -0, 2 ** 53, 1e300),
  fc.anything(),
);
/** What replaces a right argument: mostly another of its kind. */
export const anyInsteadOf = (right: unknown): fc.Arbitrary<unknown> => {
  if (isTensorSpec(right))
    return fc.oneof({ weight: 4, arbitrary: anyTensor }, fc.constant(null), anyArgument);
  if (typeof right === 'number') return fc.oneof({ weight: 4, arbitrary: anyInteger }, anyArgument);
  if (typeof right === 'boolean') return fc.oneof({ weight: 4, arbitrary: fc.boolean() }, anyArgument);
  if (Array.isArray(right)) {
    const elements = fc.oneof({ weight: 3, arbitrary: anyInteger }, anyTensor);
    return fc.oneof({ weight: 4, arbitrary: fc.array(elements, { maxLength: 4 }) }, anyArgument);
  }
  return anyArgument;
};

function isTensorSpec(value: unknown): value is TensorSpec {
  return typeof value === 'object' && value !== null && 'below' in value;
}

export const describeCall = ({ name, overload }: CallSpec) =>
  overload === undefined ? name : `${name}.${overload}`;

/** A right call with one to three arguments replaced. */
export const wrongCall = fc.constantFrom(...rightCalls).chain((spec) =>
  fc
    .tuple(
      fc.array(fc.nat(spec.args.length - 1), { minLength: 1, maxLength: 3 }),
      fc.tuple(...spec.args.map(anyInsteadOf)),
    )
    .map(([positions, instead]) => ({
      spec,
      args: spec.args.map((right, k) => (positions.includes(k) ? instead[k] : right)),
    })),
);

/** One of the right calls' operators with nothing but random arguments. */
export const randomCall = fc.record({
  spec: fc.constantFrom(...rightCalls),
  args: fc.array(anyArgument, { maxLength: 12 }),
});

/** A function of the bridge itself with nothing but random arguments. */
export const randomOwnCall = fc.record({
  name: fc.constantFrom(
    ...(['fromTypedArray', 'read', 'op', 'memory', 'resetPeakMemory', 'releaseCachedMemory'] as const),
    ...(['startProfile', 'stopProfile', 'allowTf32', 'setDeterministic'] as const),
  ),
  args: fc.array(
    fc.oneof(anyArgument, fc.constantFrom(new Int32Array(6), new Float32Array(6), new Uint8Array(6))),
    {
      maxLength: 5,
    },
  ),
});

/** Makes the tensors of a call, calls, and frees everything. */
export function runCall(native: Native, { name, overload }: CallSpec, args: readonly unknown[]): void {
  withTensors(native, args, (built) => native.op(name, overload)(...(built as NativeArgument[])));
}

/** Calls with tensors in place of what describes them, and frees these and those of the result. */
export function withTensors(
  native: Native,
  args: readonly unknown[],
  call: (built: unknown[]) => unknown,
): void {
  const made: NativeTensor[] = [];
  const build = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(build);
    if (!isTensorSpec(value)) return value;
    if (value.form === 'first' && made.length > 0) return made[0];
    const tensor = buildTensor(native, value);
    made.push(tensor);
    return tensor;
  };
  const collect = (result: unknown): void => {
    if (Array.isArray(result)) result.forEach(collect);
    else if (typeof result === 'object' && result !== null && 'dispose' in result) {
      made.push(result as NativeTensor);
    }
  };
  try {
    collect(call(args.map(build)));
  } finally {
    for (const tensor of made) tensor.dispose();
  }
}

function buildTensor(native: Native, { shape, dtype, below, form }: TensorSpec): NativeTensor {
  const made: NativeTensor[] = [];
  const op = (name: string, overload: string | undefined, ...args: NativeArgument[]): NativeTensor => {
    const result = native.op(name, overload)(...args) as NativeTensor;
    made.push(result);
    return result;
  };
  // What the view is of.
  const whole = {
    turned: shape.toReversed(),
    gaps: shape.map((size) => 2 * size),
    repeated: shape.map(() => 1),
  };
  const base = form !== undefined && form in whole ? whole[form as keyof typeof whole] : shape;
  const size = base.reduce((product, n) => product * n, 1);
  const numbers = Int32Array.from({ length: size }, (_, k) => Math.sign(below) * (k % Math.abs(below)));
  made.push(native.fromTypedArray(numbers, base, 'int32', 'cpu'));
  let tensor = op('aten::to', 'dtype', made[0], dtype);
  if (form === 'turned') tensor = op('aten::permute', undefined, tensor, [...shape.keys()].toReversed());
  if (form === 'repeated') tensor = op('aten::expand', undefined, tensor, shape);
  if (form === 'gaps') {
    for (const axis of shape.keys()) tensor = op('aten::slice', 'Tensor', tensor, axis, null, null, 2);
  }
  if (form === 'disposed') tensor.dispose();
  for (const each of made) if (each !== tensor) each.dispose();
  return tensor;
}
