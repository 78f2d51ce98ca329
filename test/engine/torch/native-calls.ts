/** Calls that are right, for tests that then make them wrong. */

/** A tensor of small numbers: 0, 1, 2, … modulo `below`; 0, -1, -2, … where that is negative. */
export interface TensorSpec {
  readonly shape: readonly number[];
  readonly dtype: 'float32' | 'int32' | 'int64' | 'bool' | 'uint8' | 'complex64' | 'bfloat16';
  readonly below: number;
  readonly form?: TensorForm | undefined;
}

/**
 * How a tensor lies in memory, row-major if nothing is said: its axes the other way round, every other element of a
 * larger one, one element repeated, no longer there, or not one of its own but the call's first.
 */
export type TensorForm = 'turned' | 'gaps' | 'repeated' | 'disposed' | 'first';

export type ArgumentSpec =
  TensorSpec | number | boolean | string | null | undefined | readonly ArgumentSpec[];

export interface CallSpec {
  readonly name: string;
  readonly overload: string | undefined;
  readonly args: readonly ArgumentSpec[];
}

const f = (...shape: number[]): TensorSpec => ({ shape, dtype: 'float32', below: 7 });
const i = (below: number, ...shape: number[]): TensorSpec => ({ shape, dtype: 'int64', below });
/** What an optimiser keeps, and feature maps. */
const h = (...shape: number[]): TensorSpec => ({ shape, dtype: 'bfloat16', below: 7 });
const bytes = (below: number, ...shape: number[]): TensorSpec => ({ shape, dtype: 'uint8', below });
const b = (...shape: number[]): TensorSpec => ({ shape, dtype: 'bool', below: 2 });
const call = (name: string, ...args: ArgumentSpec[]): CallSpec => {
  const [base = name, overload] = name.split('.');
  return { name: base.includes('::') ? base : `aten::${base}`, overload, args };
};

const image = f(2, 4, 6, 6);
const filter = f(8, 4, 3, 3);
const convolution = [[1, 1], [1, 1], [1, 1], false, [0, 0], 1] as const;
const c = f(4);
const maps = f(2, 6, 6, 4); // the fused layers': channels last
const taps = f(3, 3, 4, 8);
const c8 = f(8);
const volume = f(2, 2, 4, 4, 4);
const pool3d = [
  [2, 2, 2],
  [2, 2, 2],
  [0, 0, 0],
] as const;

/** One call or more of every operator that the bridge offers. */
export const rightCalls: readonly CallSpec[] = [
  call('add.Tensor', f(2, 3), f(3), 2),
  call('add_.Tensor', f(2, 3), f(1, 3)),
  call('div.Tensor', f(2, 3), f(2, 1)),
  call('where.self', b(2, 3), f(2, 3), f(3)),
  call('clamp', f(2, 3), 0, 1),
  call('relu_', f(2, 3)),
  call('elu_backward', f(2, 3), 1, 1, 1, false, f(2, 3)),
  call('matmul', f(2, 2, 3), f(2, 3, 4)),
  call('einsum', 'ij,jk->ik', [f(2, 3), f(3, 4)]),
  call('cat', [f(2, 3), f(1, 3)], 0),
  call('stack', [f(2, 3), f(2, 3)], 1),
  call('permute', f(2, 3, 4), [2, 0, 1]),
  call('reshape', f(2, 6), [3, -1]),
  call('expand', f(2, 1), [2, 5], false),
  call('repeat', f(2, 3), [2, 2]),
  call('flip', f(2, 3), [0, 1]),
  call('narrow', f(5, 3), 0, 1, 2),
  call('slice.Tensor', f(5, 3), 0, 1, 4, 2),
  call('unfold', f(5, 3), 0, 2, 1),
  call('diag', f(3, 3), 0),
  call('constant_pad_nd', f(2, 3), [1, 1, 0, 2], 5),
  call('index_select', f(5, 3), 0, i(5, 4)),
  call('index_add_', f(5, 3), 0, i(5, 4), f(4, 3), 1),
  call('index_copy_', f(5, 3), 0, i(5, 4), f(4, 3)),
  call('gather', f(5, 3), 0, i(5, 2, 3)),
  call('searchsorted.Tensor', f(5), f(4)),
  call('masked_fill.Scalar', f(2, 3), b(2, 3), 1),
  call('sum.dim_IntList', f(2, 3, 4), [0, 2], true),
  call('mean.dim', f(2, 3, 4), [1], false),
  call('amax', f(2, 3), [1], false),
  call('argmax', f(2, 3), 1, false),
  call('cumsum', f(2, 3), 1),
  call('_softmax', f(2, 5), 1, false),
  call('_log_softmax', f(2, 5), -1, false),
  call('full', [2, 3], 7, 'float32'),
  call('to.dtype', f(2, 3), 'int32'),
  call('fft_fft', f(2, 4)),
  call('upsample_bilinear2d', image, [3, 9], false),
  call('upsample_bilinear2d_backward', f(2, 4, 3, 9), [3, 9], [2, 4, 6, 6], false),
  call('max_pool2d_with_indices', image, [2, 2], [2, 2], [0, 0], [1, 1], false),
  call(
    'max_pool2d_with_indices_backward',
    f(2, 4, 3, 3),
    image,
    [2, 2],
    [2, 2],
    [0, 0],
    [1, 1],
    false,
    i(36, 2, 4, 3, 3),
  ),
  call('avg_pool2d', image, [2, 2], [2, 2], [0, 0], false, true),
  call('avg_pool2d_backward', f(2, 4, 3, 3), image, [2, 2], [2, 2], [0, 0], false, true, null),
  call('convolution', image, filter, f(8), ...convolution),
  call('convolution_backward', f(2, 8, 6, 6), image, filter, [8], ...convolution, [true, true, true]),
  call('convolution_backward', f(2, 8, 6, 6), image, filter, null, ...convolution, [true, true, false]),
  call('native_batch_norm', image, c, c, c, c, true, 0.1, 1e-5),
  call('native_batch_norm', image, c, c, c, c, false, 0.1, 1e-5),
  call('locallearn::as_filter', taps),
  call('locallearn::conv', maps, taps, f(8), 1, 1, 1, []),
  call('locallearn::conv', maps, taps, f(8), 1, 1, 1, [9, 11]),
  call('locallearn::conv_backward', f(2, 6, 6, 8), maps, taps, true, 1, 1, 1, [], true, false, true),
  call('locallearn::conv_backward', f(2, 9, 11, 8), maps, taps, true, 1, 1, 1, [9, 11], true, true, true),
  call('locallearn::conv_backward', f(2, 3, 3, 8), maps, taps, false, 2, 1, 1, [], true, true, true),
  call(
    'locallearn::conv_bn',
    ...[maps, taps, null, c8, c8, c8, c8, null, 1, 1, 1, [], true, 0.1, 1e-5, true, false],
  ),
  call(
    'locallearn::conv_bn',
    ...[maps, taps, null, c8, c8, c8, c8, null, 1, 1, 1, [4, 3], false, 0.1, 1e-5, true, true],
  ),
  call(
    'locallearn::conv_bn',
    ...[maps, taps, null, c8, c8, c8, c8, f(2, 6, 6, 8), 1, 1, 1, [], false, 0.1, 1e-5, true, false],
  ),
  call(
    'locallearn::conv_bn',
    ...[maps, taps, f(8), c8, c8, c8, c8, f(2, 6, 6, 8), 1, 1, 1, [], true, 0.1, 1e-5, false, true],
  ),
  // Behind a ReLU after a residual: with the output, with the residual, and without the input.
  call(
    'locallearn::conv_bn_backward',
    ...[f(2, 6, 6, 8), maps, [], false, [2, 6, 6, 4], taps, f(2, 6, 6, 8), f(2, 6, 6, 8), null, true],
    ...[c8, c8, c8, c8, true, 1, 1, 1, [], true, 1e-5, true, false, false, false, true, true],
  ),
  call(
    'locallearn::conv_bn_backward',
    ...[
      f(2, 6, 6, 8),
      maps,
      [c, c, c, c],
      false,
      [2, 6, 6, 4],
      taps,
      f(2, 6, 6, 8),
      null,
      f(2, 6, 6, 8),
      true,
    ],
    ...[c8, c8, c8, c8, true, 1, 1, 1, [], true, 1e-5, true, true, true, true, true, true],
  ),
  call(
    'locallearn::conv_bn_backward',
    ...[f(2, 6, 6, 8), null, [], false, [2, 6, 6, 4], taps, f(2, 6, 6, 8), null, null, true],
    ...[c8, c8, c8, c8, false, 1, 1, 1, [], true, 1e-5, true, false, true, true, false, false],
  ),
  call('locallearn::conv', h(2, 6, 6, 4), taps, c8, 1, 1, 1, []),
  call('locallearn::conv', h(2, 3, 3, 4), taps, c8, 1, 1, 1, [6, 6]),
  call(
    'locallearn::conv_backward',
    ...[h(2, 6, 6, 8), h(2, 3, 3, 4), taps, true, 1, 1, 1, [6, 6], true, true, true],
  ),
  call(
    'locallearn::conv_bn',
    ...[h(2, 6, 6, 4), taps, null, c8, c8, c8, c8, h(2, 6, 6, 8), 1, 1, 1, [], true, 0.1, 1e-5, true, true],
  ),
  call(
    'locallearn::conv_bn_backward',
    ...[
      f(2, 6, 6, 8),
      h(2, 6, 6, 4),
      [c, c, c, c],
      true,
      [2, 6, 6, 4],
      taps,
      h(2, 6, 6, 8),
      null,
      h(2, 6, 6, 8),
      true,
    ],
    ...[c8, c8, c8, c8, true, 1, 1, 1, [], true, 1e-5, true, true, true, true, true, true],
  ),
  call('locallearn::cross_entropy', f(2, 3), f(2, 3)),
  call('locallearn::cross_entropy_backward', f(), f(2, 3), f(2, 3)),
  call('locallearn::binary_cross_entropy', f(2, 3), f(2, 3)),
  call('locallearn::binary_cross_entropy_backward_', f(), f(2, 3), f(2, 3)),
  call('locallearn::from_bytes', bytes(256, 2, 3, 4), f(1024)),
  call('locallearn::bn', maps, c, c, c, c, true, 0.1, 1e-5, true),
  call('locallearn::bn', f(5, 4), c, c, c, c, false, 0.1, 1e-5, false),
  call('locallearn::bn_backward', maps, maps, true, c, c, c, c, true, 1e-5),
  call('locallearn::bn_pool', maps, c, c, c, c, true, 0.1, 1e-5, true, 3, 2, 1),
  call('locallearn::bn_pool', h(2, 6, 6, 4), c, c, c, c, false, 0.1, 1e-5, false, 2, 2, 0),
  ...[f, h].map((maps) =>
    call(
      'locallearn::bn_pool_backward',
      ...[f(2, 3, 3, 4), bytes(4, 2, 3, 3, 4), maps(2, 6, 6, 4), true, c, c, c, c, true, 3, 2, 1, true],
    ),
  ),
  call('locallearn::bn_result', maps, c, c, c, c, true),
  call('locallearn::bn_result', h(2, 6, 6, 4), c, c, c, c, false),
  call('locallearn::bn', h(2, 6, 6, 4), c, c, c, c, true, 0.1, 1e-5, true),
  call('locallearn::bn_backward', f(2, 6, 6, 4), h(2, 6, 6, 4), true, c, c, c, c, true, 1e-5),
  call('locallearn::bn_backward', f(5, 4), f(5, 4), false, c, c, c, c, true, 1e-5),
  call('locallearn::max_pool', maps, 3, 2, 1),
  call('locallearn::max_pool', h(2, 6, 6, 4), 2, 2, 0),
  call('locallearn::max_pool_backward', f(2, 3, 3, 4), bytes(4, 2, 3, 3, 4), 6, 6, 2, 2, 0),
  call('locallearn::max_pool_backward', h(2, 3, 3, 4), bytes(4, 2, 3, 3, 4), 6, 6, 2, 2, 0),
  call('locallearn::moving_average_', [f(2), f(3)], [f(2), f(3)], 0.9),
  call('locallearn::sgd_', [f(2), f(3)], [f(2), f(3)], [f(2), f(3)], 0.1, 0.9, 0, true),
  call('locallearn::sgd_', [f(2), f(3)], [f(2), f(3)], [], 0.1, 0, 0.1, false),
  call('locallearn::sgd_', [f(2), f(3)], [f(2), f(3)], [h(2), h(3)], 0.1, 0.9, 0, false),
  call('locallearn::adamw_', [f(2)], [f(2)], [h(2)], [f(2)], 0.1, 0.9, 0.999, 1e-8, 0.01, 1),
  call(
    'locallearn::adamw_',
    ...[
      [f(2), f(3)],
      [f(2), f(3)],
      [f(2), f(3)],
      [f(2), f(3)],
    ],
    ...[0.1, 0.9, 0.999, 1e-8, 0.01, 1],
  ),
  ...[
    'abs',
    'exp',
    'isnan',
    'gelu',
    'square',
    'square_',
    'floor_',
    'rsqrt_',
    'sigmoid_',
    'ones_like',
    'clone',
  ].map((name) => call(name, f(2, 3))),
  ...['add.Scalar', 'add_.Scalar', 'ge.Scalar', 'gt.Scalar', 'lt.Scalar', 'mul_.Scalar'].map((name) =>
    call(name, f(2, 3), 2),
  ),
  ...['sub.Tensor', 'sub_.Tensor', 'mul.Tensor', 'mul_.Tensor', 'div_.Tensor', 'eq.Tensor'].map((name) =>
    call(name, f(2, 3), f(1, 3)),
  ),
  ...['leaky_relu', 'leaky_relu_', 'clamp_min'].map((name) => call(name, f(2, 3), 0.2)),
  call('logical_or', b(2, 3), b(2, 3)),
  call('clamp_', f(2, 3), 0, 1),
  call('elu_', f(2, 3), 1, 1, 1),
  call('gelu_backward', f(2, 3), f(2, 3)),
  call('nan_to_num', f(2, 3), 0, 1, -1),
  call('pow.Tensor_Scalar', f(2, 3), 0.5),
  call('prod.dim_int', f(2, 3), 1, false),
  call('sort.stable', f(2, 5), true, -1, true),
  call('transpose.int', f(2, 3), 0, 1),
  call('unsqueeze', f(2, 3), 1),
  call('contiguous', image, 'channels_last'),
  call('complex', f(2, 3), f(2, 3)),
  call('real', f(2, 3)),
  call('view_as_complex', f(3, 2)),
  call('view_as_real', { shape: [2, 3], dtype: 'complex64', below: 7 }),
  call('fft_ifft', f(2, 4)),
  call('empty.memory_format', [2, 3], 'float32'),
  call('zeros', [2, 3], 'float32'),
  call('arange', 5, 'float32'),
  call('full_like', f(2, 3), 2),
  call('native_layer_norm', f(2, 4), [4], c, c, 1e-5),
  call('native_layer_norm_backward', f(2, 4), f(2, 4), [4], f(2, 1), f(2, 1), c, c, [true, true, true]),
  ...[
    ...[
      'acos',
      'acosh',
      'asin',
      'asinh',
      'atan',
      'atanh',
      'ceil',
      'cos',
      'cosh',
      'elu',
      'erf',
      'expm1',
      'floor',
    ],
    ...[
      'isfinite',
      'isinf',
      'log',
      'log1p',
      'logical_not',
      'neg',
      'reciprocal',
      'relu',
      'round',
      'rsqrt',
      'selu',
    ],
    ...['sigmoid', 'sign', 'sin', 'sinh', 'softplus', 'sqrt', 'tan', 'tanh'],
  ].map((name) => call(name, f(2, 3))),
  ...[
    ...['atan2', 'logical_and', 'maximum', 'minimum', 'ge.Tensor', 'gt.Tensor', 'le.Tensor', 'lt.Tensor'],
    ...['ne.Tensor', 'pow.Tensor_Tensor', 'remainder.Tensor'],
  ].map((name) => call(name, f(2, 3), f(1, 3))),
  ...['all.dim', 'any.dim'].map((name) => call(name, b(2, 3), 1, false)),
  call('bitwise_and.Tensor', i(4, 2, 3), i(4, 1, 3)),
  call('amin', f(2, 3), [1], false),
  call('argmin', f(2, 3), 1, false),
  call('cumprod', f(2, 3), 1),
  call('imag', { shape: [2, 3], dtype: 'complex64', below: 7 }),
  call('max_pool3d_with_indices', volume, ...pool3d, [1, 1, 1], false),
  call(
    'max_pool3d_with_indices_backward',
    f(2, 2, 2, 2, 2),
    volume,
    ...pool3d,
    [1, 1, 1],
    false,
    i(64, 2, 2, 2, 2, 2),
  ),
  call('avg_pool3d', volume, ...pool3d, false, true, null),
  call('avg_pool3d_backward', f(2, 2, 2, 2, 2), volume, ...pool3d, false, true, null),
];
