import { expect, it } from 'vitest';
import type { Native, NativeArgument, NativeTensor } from '../../../src/engine/torch/native.js';
import { describeNative } from './native-tools.js';

describeNative('bad arguments to libtorch', ({ native, keep, floats, call }) => {
  const op = (name: string, overload?: string) => native.op(name, overload);
  const anything = (value: unknown) => value as NativeArgument;
  const thrownBy = (f: () => unknown): Error => {
    try {
      f();
    } catch (error) {
      expect(error).toBeInstanceOf(Error);
      return error as Error;
    }
    throw new Error('nothing was thrown');
  };

  it.each<[string, () => unknown, string]>([
    [
      'a string for a tensor',
      () => op('aten::add', 'Tensor')(floats([1]), 'x'),
      "aten::add.Tensor: argument 'other' must be a tensor, got a string",
    ],
    [
      'null for a tensor',
      () => op('aten::relu')(null),
      "aten::relu: argument 'self' must be a tensor, got null",
    ],
    [
      'nothing for a tensor',
      () => op('aten::add', 'Tensor')(floats([1])),
      "aten::add.Tensor: argument 'other' is missing",
    ],
    [
      'an object of ours that is no tensor',
      () => op('aten::relu')(anything(Object.create(Object.getPrototypeOf(floats([1])) as object))),
      "aten::relu: argument 'self' must be a tensor, got an object",
    ],
    [
      'a proxy of a tensor',
      () => op('aten::relu')(anything(new Proxy(floats([1]), {}))),
      "aten::relu: argument 'self' must be a tensor, got an object",
    ],
    [
      'too many arguments',
      () => op('aten::relu')(floats([1]), 2),
      'aten::relu: takes at most 1 arguments (self), got 2',
    ],
    [
      'something else among tensors',
      () => op('aten::cat')([floats([1]), 3], 0),
      "aten::cat: argument 'tensors[1]' must be a tensor, got a number",
    ],
    [
      'no array for a list',
      () => op('aten::cat')(floats([1]), 0),
      "aten::cat: argument 'tensors' must be an array of tensors, got an object",
    ],
    [
      'a fraction for an integer',
      () => op('aten::unsqueeze')(floats([1]), 0.5),
      "aten::unsqueeze: argument 'dim' must be a safe integer, got 0.5",
    ],
    [
      'NaN for an integer',
      () => op('aten::unsqueeze')(floats([1]), NaN),
      "aten::unsqueeze: argument 'dim' must be a safe integer, got nan",
    ],
    [
      'an unsafe integer',
      () => op('aten::zeros')([2 ** 53]),
      "aten::zeros: argument 'size[0]' must be a safe integer, got 9007199254740992",
    ],
    [
      'a string for an integer',
      () => op('aten::unsqueeze')(floats([1]), '0'),
      "aten::unsqueeze: argument 'dim' must be an integer, got a string",
    ],
    [
      'a bigint',
      () => op('aten::unsqueeze')(floats([1]), anything(1n)),
      "aten::unsqueeze: argument 'dim' must be an integer, got a bigint",
    ],
    [
      'a list of the wrong length',
      () => op('aten::avg_pool2d')(floats([1], [1, 1, 1, 1]), [1, 1, 1]),
      "aten::avg_pool2d: argument 'kernel_size' must have 2 elements, got 3",
    ],
    [
      'a mask of the wrong length',
      () =>
        op('aten::native_layer_norm_backward')(
          ...[floats([1], [1, 1]), floats([1], [1, 1]), [1], floats([1]), floats([1]), null, null],
          [true],
        ),
      "aten::native_layer_norm_backward: argument 'output_mask' must have 3 elements, got 1",
    ],
    [
      'a number for a boolean',
      () => op('aten::sum', 'dim_IntList')(floats([1]), [0], 1),
      "aten::sum.dim_IntList: argument 'keepdim' must be a boolean, got a number",
    ],
    [
      'a boolean for a number',
      () => op('aten::elu')(floats([1]), true, null),
      "aten::elu: argument 'scale' must be a number or a boolean, got null",
    ],
    [
      'a tensor for a scalar',
      () => op('aten::add', 'Scalar')(floats([1]), floats([1])),
      "aten::add.Scalar: argument 'other' must be a number or a boolean, got an object",
    ],
    [
      'a symbol for a float',
      () => op('aten::native_layer_norm')(floats([1]), [1], null, null, anything(Symbol('x'))),
      "aten::native_layer_norm: argument 'eps' must be a number, got a symbol",
    ],
    [
      'an unknown dtype',
      () => op('aten::to', 'dtype')(floats([1]), 'float33'),
      "aten::to.dtype: argument 'dtype' must be a dtype such as 'float32' or 'int32', got 'float33'",
    ],
    [
      'a number for a dtype',
      () => op('aten::to', 'dtype')(floats([1]), 6),
      "aten::to.dtype: argument 'dtype' must be a string, got a number",
    ],
    [
      'an unknown device',
      () => op('aten::zeros')([1], null, null, 'meta'),
      "aten::zeros: argument 'device' must be a device of this machine (cpu",
    ],
    [
      'an unknown memory format',
      () => op('aten::contiguous')(floats([1]), 'nhwc'),
      "aten::contiguous: argument 'memory_format' must be 'contiguous', 'channels_last'",
    ],
    [
      'a layout that is not supported',
      () => op('aten::zeros')([1], null, 'sparse_coo'),
      "aten::zeros: argument 'layout' must be 'strided', got 'sparse_coo'",
    ],
    [
      'what may only be left out',
      () => op('aten::upsample_bilinear2d')(floats([1], [1, 1, 1, 1]), [2, 2], false, 2),
      "aten::upsample_bilinear2d: argument 'scales_h' must be null",
    ],
  ])('%s is a TypeError that names operator and argument', (_what, f, message) => {
    const error = thrownBy(f);
    expect(error).toBeInstanceOf(TypeError);
    expect(error.message.startsWith(message) ? message : error.message).toBe(message);
  });

  it('a disposed tensor is named', () => {
    const tensor = floats([1]);
    tensor.dispose();
    for (const [f, message] of [
      [
        () => op('aten::add', 'Tensor')(floats([1]), tensor),
        "aten::add.Tensor: argument 'other' is a disposed tensor",
      ],
      [() => op('aten::cat')([tensor]), "aten::cat: argument 'tensors[0]' is a disposed tensor"],
      [() => native.read(tensor), "read: argument 'tensor' is a disposed tensor"],
      [() => tensor.shape, "NativeTensor.shape: argument 'this' is a disposed tensor"],
    ] as const) {
      expect(thrownBy(f).message).toBe(message);
    }
  });

  it("libtorch's own complaints are one line that begins with the operator", () => {
    const error = thrownBy(() => op('aten::matmul')(floats([1, 2], [1, 2]), floats([1, 2, 3], [3, 1])));
    expect(error.message).toBe('aten::matmul: mat1 and mat2 shapes cannot be multiplied (1x2 and 3x1)');
  });

  it('memory that is not there is asked for in vain, with the bytes named', () => {
    expect(thrownBy(() => op('aten::zeros')([2 ** 46])).message).toMatch(
      /^aten::zeros: out of memory: 281474976710656 bytes asked for, \d+ available/,
    );
    expect(thrownBy(() => op('aten::zeros')([2 ** 52, 2 ** 52])).message).toMatch(/^aten::zeros: .*overflow/);
    const huge = call('aten::expand', undefined, floats([1]), [2 ** 31]);
    expect(
      thrownBy(() => native.read(call('aten::expand', undefined, huge, [2 ** 9, 2 ** 31]))).message,
    ).toMatch(/^read: argument 'tensor' has 1099511627776 elements/);
  });

  it('a getter that throws inside a list passes its own error on', () => {
    const list = [1, 2];
    Object.defineProperty(list, 1, {
      get() {
        throw new RangeError('mine');
      },
    });
    expect(thrownBy(() => op('aten::zeros')(list))).toEqual(new RangeError('mine'));
  });

  it.each([
    ['aten::embedding_bag', undefined],
    ['aten::_cholesky_solve_helper', undefined],
    ['aten::add', 'out'],
    ['aten::add', 'Nothing'],
    ['aten::add', undefined],
    ['aten::no_such_operator', undefined],
    ['add', 'Tensor'],
  ])('an operator that the engine does not name is refused: %s %s', (name, overload) => {
    const error = thrownBy(() => native.op(name, overload));
    expect(error).toBeInstanceOf(TypeError);
    const full = overload === undefined ? name : `${name}.${overload}`;
    expect(error.message).toBe(`op: ${full} is not offered: only operators that the engine names are`);
  });

  it('the name of an operator is a string', () => {
    expect(thrownBy(() => native.op(5 as never)).message).toBe(
      "op: argument 'name' must be a string, got a number",
    );
  });

  it('arguments that would make a kernel read or write elsewhere are refused', () => {
    const [x, two, three] = [floats([1, 2, 3, 4], [2, 2]), floats([1, 1]), floats([1, 1, 1])];
    expect(
      thrownBy(() => op('aten::native_batch_norm')(x, three, null, null, null, true, 0, 0)).message,
    ).toMatch(/^aten::native_batch_norm: argument 'weight' must have shape \[2\]/);
    expect(thrownBy(() => op('aten::native_batch_norm')(x, two, two, null, null, false, 0, 0)).message).toBe(
      "aten::native_batch_norm: argument 'running_mean' is needed here, got null",
    );
    expect(
      thrownBy(() => op('locallearn::bn')(x, two, three, two, two, true, 0.1, 1e-5, false)).message,
    ).toMatch(/^locallearn::bn: argument 'beta' must have shape \[2\]/);
    const image = floats([1, 2, 3, 4], [1, 1, 2, 2]);
    const pooled = floats([1], [1, 1, 1, 1]);
    const outside = call('aten::full', undefined, [1, 1, 1, 1], 4, 'int64');
    const pool = [[2, 2], [2, 2], [0, 0], [1, 1], false] as const;
    expect(
      thrownBy(() => op('aten::max_pool2d_with_indices_backward')(pooled, image, ...pool, outside)).message,
    ).toContain("argument 'indices' must lie within the 4 positions of the input");
  });

  it.each([
    ['mean', 3, [1, 1]],
    ['mean', 3, []],
    ['rstd', 4, [3, 1]],
    ['rstd', 4, [2, 2]],
  ] as const)(
    "native_layer_norm_backward's %s is read by row: argument %i of shape %j is refused",
    (name, index, shape) => {
      const rows = () => floats([1, 2], [2, 1]);
      const map = () => floats([1, 2, 3, 4, 5, 6, 7, 8], [2, 4]);
      const channels = () => floats([1, 1, 1, 1]);
      const args = [map(), map(), [4], rows(), rows(), channels(), channels(), [true, true, true]];
      const backward = op('aten::native_layer_norm_backward');
      for (const gradient of backward(...args) as NativeTensor[]) keep(gradient);
      const size = shape.reduce((product: number, n) => product * n, 1);
      const wrong = args.with(index, floats(Array<number>(size).fill(1), shape));
      expect(thrownBy(() => backward(...wrong)).message).toBe(
        `aten::native_layer_norm_backward: argument '${name}' must have 2 numbers of the input's type and nothing between, one a row, got shape [${shape.join(', ')}]`,
      );
    },
  );

  it('native_layer_norm_backward refuses a gradient of another shape', () => {
    const [x, rows] = [floats([1, 2, 3, 4], [2, 2]), floats([1, 2], [2, 1])];
    const gradient = floats([1, 2], [1, 2]);
    const backward = () =>
      op('aten::native_layer_norm_backward')(gradient, x, [2], rows, rows, null, null, [true, true, true]);
    expect(thrownBy(backward).message).toContain(
      "argument 'grad_out' must have the input's type and shape [2, 2]",
    );
  });

  it('fromTypedArray checks values, shape, dtype and device', () => {
    const from = (args: unknown) => native.fromTypedArray(...(args as Parameters<Native['fromTypedArray']>));
    const ones = Float32Array.of(1, 1);
    for (const [args, message] of [
      [[ones, [3], 'float32', 'cpu'], "argument 'values' has 2 elements, the shape needs 3"],
      [[ones, [-2], 'float32', 'cpu'], "argument 'shape' has the negative size -2"],
      [
        [ones, [2 ** 40, 2 ** 40], 'float32', 'cpu'],
        "argument 'shape' has more elements than memory has addresses",
      ],
      [[ones, [2.5], 'float32', 'cpu'], "argument 'shape[0]' must be a safe integer, got 2.5"],
      [[ones, 2, 'float32', 'cpu'], "argument 'shape' must be an array of integers, got a number"],
      [[ones, [2], 'int32', 'cpu'], "argument 'values' must be an Int32Array for dtype int32"],
      [
        [ones, [2], 'float64', 'cpu'],
        "argument 'dtype' must be 'float32', 'int32', 'bool' or 'uint8', got 'float64'",
      ],
      [
        [[1, 1], [2], 'float32', 'cpu'],
        "argument 'values' must be a Float32Array, Int32Array or Uint8Array, got an array",
      ],
      [[ones, [2], 'float32', 'tpu'], "argument 'device' must be a device of this machine"],
      [[ones, [2], 'float32'], "argument 'device' must be a string, got undefined"],
    ] as const) {
      const error = thrownBy(() => from(args));
      expect(error).toBeInstanceOf(TypeError);
      expect(error.message).toContain(`fromTypedArray: ${message}`);
    }
  });

  it('the other functions check theirs', () => {
    expect(() => native.memory('gpu')).toThrow("memory: argument 'device' must be a device of this machine");
    expect(() => native.multiplyAdds(0)).toThrow("multiplyAdds: argument 'times' must be");
    expect(() => native.multiplyAdds(1.5)).toThrow("multiplyAdds: argument 'times' must be");
    expect(() => native.setThreads(0)).toThrow("setThreads: argument 'count' must be from 1 to");
    expect(() => native.setThreads(1.5)).toThrow(
      "setThreads: argument 'count' must be a safe integer, got 1.5",
    );
    const int64 = call('aten::zeros', undefined, [1], 'int64');
    expect(() => native.read(int64)).toThrow("read: argument 'tensor' has dtype int64; cast it");
    const Tensor = int64.constructor as new () => unknown;
    expect(() => new Tensor()).toThrow(TypeError);
    expect(() => Reflect.get(Tensor.prototype as object, 'shape', {}) as unknown).toThrow(
      "NativeTensor.shape: argument 'this' must be a tensor",
    );
  });
});
