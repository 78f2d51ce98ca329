import tf = require('@tensorflow/tfjs');
import type { NativeArgument, NativeTensor } from '../native.js';
import {
  axes2d,
  axes3d,
  toChannelsFirst,
  toChannelsLast,
  windowOf,
  type Axis,
  type Window,
} from './geometry.js';
import { kernel, sizeOf, type KernelContext, type KernelTable } from './kernel.js';

/** Maximum and average pools over two and three axes, and their gradients. Averages leave padding out of the count. */
export function poolingKernels(backend: KernelContext): KernelTable {
  const two = poolsOver(backend, 2);
  const three = poolsOver(backend, 3);
  return {
    MaxPool: kernel<'x', tf.MaxPoolAttrs>(({ x }, attrs) => two.max(x, pool2d(x.shape, attrs))),
    MaxPoolGrad: kernel<'dy' | 'input', tf.MaxPoolGradAttrs>(({ dy, input }, attrs) =>
      two.maxGradient(dy, input, pool2d(input.shape, attrs)),
    ),
    AvgPool: kernel<'x', tf.AvgPoolAttrs>(({ x }, attrs) => two.average(x, pool2d(x.shape, attrs))),
    AvgPoolGrad: kernel<'dy' | 'input', tf.AvgPoolGradAttrs>(({ dy, input }, attrs) =>
      two.averageGradient(dy, input, pool2d(input.shape, attrs)),
    ),
    MaxPool3D: kernel<'x', tf.MaxPool3DAttrs>(({ x }, attrs) => three.max(x, pool3d(x.shape, attrs))),
    MaxPool3DGrad: kernel<'dy' | 'input', tf.MaxPool3DGradAttrs>(({ dy, input }, attrs) =>
      three.maxGradient(dy, input, pool3d(input.shape, attrs)),
    ),
    AvgPool3D: kernel<'x', tf.AvgPool3DAttrs>(({ x }, attrs) => three.average(x, pool3d(x.shape, attrs))),
    AvgPool3DGrad: kernel<'dy' | 'input', tf.AvgPool3DGradAttrs>(({ dy, input }, attrs) =>
      three.averageGradient(dy, input, pool3d(input.shape, attrs)),
    ),
  };
}

interface Pools {
  max(x: tf.TensorInfo, axes: Axis[]): tf.TensorInfo;
  maxGradient(dy: tf.TensorInfo, x: tf.TensorInfo, axes: Axis[]): tf.TensorInfo;
  average(x: tf.TensorInfo, axes: Axis[]): tf.TensorInfo;
  averageGradient(dy: tf.TensorInfo, x: tf.TensorInfo, axes: Axis[]): tf.TensorInfo;
}

function poolsOver(
  { op, multiOp, input, asHeld, isShort, output, share, upload, device }: KernelContext,
  spatial: 2 | 3,
): Pools {
  const first = toChannelsFirst(spatial);
  const last = toChannelsLast(spatial);
  const maxPool = multiOp(`aten::max_pool${spatial}d_with_indices`);
  const maxPoolBackward = op(`aten::max_pool${spatial}d_with_indices_backward`);
  const averagePool = op(`aten::avg_pool${spatial}d`);
  const averagePoolBackward = op(`aten::avg_pool${spatial}d_backward`);
  const permute = op('aten::permute');
  const pad = op('aten::constant_pad_nd');
  const narrow = op('aten::narrow');
  const clone = op('aten::clone');
  const contiguous = op('aten::contiguous');
  const cast = op('aten::to', 'dtype');
  const onesLike = op('aten::ones_like');
  const divide = op('aten::div', 'Tensor');
  const clampMin = op('aten::clamp_min');
  const zeros = op('aten::zeros');

  // Libtorch pools no bfloat16 over three axes on a CPU.
  const asMap = spatial === 2 ? asHeld : input;
  /** [n, c, …], in floats. */
  const channelsFirst = (x: tf.TensorInfo): NativeTensor =>
    permute(x.dtype === 'float32' ? asMap(x) : cast(input(x), 'float32'), first);
  /** The gradient of what was pooled of x, held as that. */
  const gradientFirst = (dy: tf.TensorInfo, x: tf.TensorInfo): NativeTensor => {
    if (spatial !== 2 || !isShort(x)) return permute(input(dy), first);
    return permute(isShort(dy) ? asHeld(dy) : cast(input(dy), 'bfloat16'), first);
  };
  const channelsLast = (x: NativeTensor, dtype: tf.DataType): tf.TensorInfo =>
    output(permute(dtype === 'float32' ? x : cast(x, dtype), last), dtype);
  const padded = (x: NativeTensor, { padFirst }: Window, value: number): NativeTensor =>
    padFirst ? pad(x, padFirst, value) : x;

  /** Cuts a gradient [n, c, …] of the padded input down to the input. */
  const cropped = (dx: NativeTensor, { padFirst }: Window, axes: readonly Axis[]): NativeTensor => {
    if (padFirst === undefined) return dx;
    const cut = axes.reduce((x, { size, before }, i) => narrow(x, 2 + i, before, size), dx);
    return clone(cut);
  };

  /** How much of each window lies on the input, not on its padding; a window on padding alone averages to 0. */
  const insideFraction = (x: NativeTensor, window: Window): NativeTensor =>
    clampMin(
      averagePool(
        pad(onesLike(narrow(narrow(x, 0, 0, 1), 1, 0, 1)), window.padFirst),
        window.kernel,
        window.strides,
      ),
      1e-30,
    );

  // Libtorch refuses to pad by more than half the window.
  const windowFor = (axes: Axis[]): Window => windowOf(axes, (size) => Math.floor(size / 2));
  const averageArguments = (window: Window): NativeArgument[] => [
    window.kernel,
    window.strides,
    window.padding,
    false,
    window.padFirst !== undefined,
    null,
  ];

  const outShape = (x: tf.TensorInfo, axes: readonly Axis[]): number[] => [
    x.shape[0]!,
    ...axes.map(({ outputs }) => outputs),
    x.shape[spatial + 1]!,
  ];

  /** What needs no computing: an empty result, and windows of one value each. */
  const trivial = (x: tf.TensorInfo, axes: readonly Axis[]): tf.TensorInfo | undefined => {
    const shape = outShape(x, axes);
    if (sizeOf(shape) === 0) return upload([], shape, x.dtype);
    return axes.every(({ kernel: size, outputs, size: inputs }) => size === 1 && outputs === inputs)
      ? share(x)
      : undefined;
  };

  const noGradient = (x: tf.TensorInfo): tf.TensorInfo =>
    output(zeros(x.shape, 'float32', null, device), 'float32', x.shape);

  return {
    max(x, axes) {
      const ready = trivial(x, axes);
      if (ready) return ready;
      const w = windowFor(axes);
      const [y] = maxPool(
        padded(channelsFirst(x), w, -Infinity),
        w.kernel,
        w.strides,
        w.padding,
        w.dilations,
      );
      return channelsLast(y!, x.dtype);
    },

    maxGradient(dy, x, axes) {
      if (sizeOf(dy.shape) === 0) return noGradient(x);
      const w = windowFor(axes);
      const source = padded(channelsFirst(x), w, -Infinity);
      const [, indices] = maxPool(source, w.kernel, w.strides, w.padding, w.dilations);
      const dx = maxPoolBackward(
        gradientFirst(dy, x),
        source,
        w.kernel,
        w.strides,
        w.padding,
        w.dilations,
        false,
        indices,
      );
      return channelsLast(cropped(dx, w, axes), 'float32');
    },

    average(x, axes) {
      const ready = trivial(x, axes);
      if (ready) return ready;
      const w = windowFor(axes);
      const source = channelsFirst(x);
      const y = averagePool(padded(source, w, 0), ...averageArguments(w));
      return channelsLast(w.padFirst ? divide(y, insideFraction(source, w)) : y, x.dtype);
    },

    averageGradient(dy, x, axes) {
      if (sizeOf(dy.shape) === 0) return noGradient(x);
      const w = windowFor(axes);
      const source = channelsFirst(x);
      const gradient = gradientFirst(dy, x);
      const inside = padded(source, w, 0);
      const dx = averagePoolBackward(
        w.padFirst ? divide(gradient, insideFraction(source, w)) : gradient,
        // Wrong on a GPU in libtorch 2.11 where channels come last.
        device === 'cuda' ? contiguous(inside) : inside,
        ...averageArguments(w),
      );
      return channelsLast(cropped(dx, w, axes), 'float32');
    },
  };
}

function pool2d(
  shape: number[],
  {
    filterSize,
    strides,
    pad,
    dimRoundingMode,
  }: Pick<tf.MaxPoolAttrs, 'filterSize' | 'strides' | 'pad'> &
    Partial<Pick<tf.MaxPoolAttrs, 'dimRoundingMode'>>,
): Axis[] {
  return axes2d(
    tf.backend_util.computePool2DInfo(
      shape as [number, number, number, number],
      filterSize,
      strides,
      1,
      pad,
      dimRoundingMode,
    ),
  );
}

function pool3d(
  shape: number[],
  {
    filterSize,
    strides,
    pad,
    dimRoundingMode,
  }: Pick<tf.MaxPool3DAttrs, 'filterSize' | 'strides' | 'pad'> &
    Partial<Pick<tf.MaxPool3DAttrs, 'dimRoundingMode'>>,
): Axis[] {
  return axes3d(
    tf.backend_util.computePool3DInfo(
      shape as [number, number, number, number, number],
      filterSize,
      strides,
      1,
      pad,
      dimRoundingMode,
    ),
  );
}
