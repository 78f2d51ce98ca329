import tf = require('@tensorflow/tfjs');
import type { NativeTensor } from '../native.js';
import { floatsOf, kernel, sizeOf, type Kernel, type KernelContext, type KernelTable } from './kernel.js';

interface AxisAttrs {
  readonly axis: number | number[];
  readonly keepDims: boolean;
}

/** Sums, extrema and their like along axes, and running sums. */
export function reductionKernels(backend: KernelContext): KernelTable {
  const { op, multiOp, input, output, share } = backend;
  const cast = op('aten::to', 'dtype');

  /** An empty list of axes reduces nothing; libtorch takes it for all of them. */
  const reduces = (x: tf.TensorInfo, axes: readonly number[]): boolean =>
    axes.length > 0 || x.shape.length === 0;

  const sum = op('aten::sum', 'dim_IntList');
  const mean = op('aten::mean', 'dim');
  const product = op('aten::prod', 'dim_int');
  const nanToNum = op('aten::nan_to_num');

  const extremum = (
    name: string,
  ): ((x: tf.TensorInfo, axis: number | number[], keepDims: boolean) => tf.TensorInfo) => {
    const compute = op(name);
    return (x, axis, keepDims) => {
      const axes = tf.util.parseAxisParam(axis, x.shape);
      return reduces(x, axes) ? output(compute(input(x), axes, keepDims), x.dtype) : share(x);
    };
  };
  const max = extremum('aten::amax');
  const min = extremum('aten::amin');

  /** For operators that take one axis at a time. */
  const axisByAxis = (
    x: NativeTensor,
    axes: readonly number[],
    reduce: (x: NativeTensor, axis: number) => NativeTensor,
  ): NativeTensor => [...axes].sort((a, b) => b - a).reduce(reduce, x);

  const logical = (name: string): Kernel => {
    const compute = op(name, 'dim');
    return kernel<'x', AxisAttrs>(({ x }, { axis, keepDims }) => {
      const axes = tf.util.parseAxisParam(axis, x.shape);
      if (axes.length === 0) return share(x);
      return output(
        axisByAxis(input(x), axes, (native, a) => compute(native, a, keepDims)),
        'bool',
      );
    });
  };

  const argExtremum = (name: string, loses: number): Kernel => {
    const compute = op(name);
    return kernel<'x', tf.ArgMaxAttrs>(({ x }, { axis }) => {
      const [first] = tf.util.parseAxisParam(axis, x.shape);
      // NaN is never the largest nor the smallest in TensorFlow.js.
      const native =
        x.dtype === 'float32' ? nanToNum(input(x), loses, Infinity, -Infinity) : cast(input(x), 'int32');
      return output(cast(compute(native, x.shape.length === 0 ? 0 : first!), 'int32'), 'int32');
    });
  };

  const flip = op('aten::flip');
  const pad = op('aten::constant_pad_nd');
  const narrow = op('aten::narrow');
  const running = (name: string, start: number): Kernel => {
    const compute = op(name);
    return kernel<'x', tf.CumsumAttrs>(({ x }, { axis, exclusive, reverse }) => {
      const rank = x.shape.length;
      const length = x.shape[axis];
      const dtype = tf.upcastType(x.dtype, 'int32');
      if (length === undefined) return share(x);
      let native = reverse ? flip(input(x), [axis]) : input(x);
      native = compute(native, axis, dtype);
      if (exclusive) {
        const before = Array.from({ length: 2 * (rank - axis) }, (_, i) =>
          i === 2 * (rank - axis - 1) ? 1 : 0,
        );
        native = narrow(pad(native, before, start), axis, 0, length);
      }
      return output(reverse ? flip(native, [axis]) : native, dtype, x.shape);
    });
  };

  const sort = multiOp('aten::sort', 'stable');
  const softmax = op('aten::_softmax');
  const logSoftmax = op('aten::_log_softmax');
  const asFloat = floatsOf(backend);

  return {
    Sum: kernel<'x', AxisAttrs>(({ x }, { axis, keepDims }) => {
      const axes = tf.util.parseAxisParam(axis, x.shape);
      const dtype = tf.upcastType(x.dtype, 'int32');
      if (reduces(x, axes)) return output(sum(input(x), axes, keepDims, dtype), dtype);
      return dtype === x.dtype ? share(x) : output(cast(input(x), dtype), dtype, x.shape);
    }),

    Mean: kernel<'x', AxisAttrs>(({ x }, { axis, keepDims }) => {
      const axes = tf.util.parseAxisParam(axis, x.shape);
      if (reduces(x, axes)) return output(mean(input(x), axes, keepDims, 'float32'), 'float32');
      return x.dtype === 'float32' ? share(x) : output(asFloat(x), 'float32', x.shape);
    }),

    Prod: kernel<'x', AxisAttrs>(({ x }, { axis, keepDims }) => {
      const axes = tf.util.parseAxisParam(axis, x.shape);
      const dtype = tf.upcastType(x.dtype, 'int32');
      if (axes.length === 0)
        return dtype === x.dtype ? share(x) : output(cast(input(x), dtype), dtype, x.shape);
      return output(
        axisByAxis(input(x), axes, (native, a) => product(native, a, keepDims, dtype)),
        dtype,
      );
    }),

    Max: kernel<'x', tf.MaxAttrs>(({ x }, { reductionIndices, keepDims }) =>
      max(x, reductionIndices, keepDims),
    ),
    Min: kernel<'x', AxisAttrs>(({ x }, { axis, keepDims }) => min(x, axis, keepDims)),
    All: logical('aten::all'),
    Any: logical('aten::any'),
    ArgMax: argExtremum('aten::argmax', -Infinity),
    ArgMin: argExtremum('aten::argmin', Infinity),
    Cumsum: running('aten::cumsum', 0),
    Cumprod: running('aten::cumprod', 1),

    // Stable: of equal values the first wins.
    TopK: kernel<'x', tf.TopKAttrs>(({ x }, { k }) => {
      const last = x.shape.length - 1;
      const shape = [...x.shape.slice(0, -1), k];
      if (sizeOf(shape) === 0) {
        return [
          backend.upload(new Float32Array(0), shape, x.dtype),
          backend.upload(new Int32Array(0), shape, 'int32'),
        ];
      }
      const [values, indices] = sort(input(x), true, last, true);
      return [
        output(cast(narrow(values, last, 0, k), x.dtype, false, true), x.dtype, shape),
        output(cast(narrow(indices, last, 0, k), 'int32'), 'int32', shape),
      ];
    }),

    Softmax: kernel<'logits', tf.SoftmaxAttrs>(({ logits }, { dim }) =>
      output(softmax(asFloat(logits), dim, false), 'float32', logits.shape),
    ),

    LogSoftmax: kernel<'logits', tf.LogSoftmaxAttrs>(({ logits }, { axis }) =>
      output(logSoftmax(asFloat(logits), axis, false), 'float32', logits.shape),
    ),
  };
}
