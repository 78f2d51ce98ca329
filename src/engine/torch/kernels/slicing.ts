import tf = require('@tensorflow/tfjs');
import type { NativeTensor } from '../native.js';
import { kernel, sizeOf, type KernelContext, type KernelTable } from './kernel.js';

/**
 * Parts of a tensor. They are copies, never views: a view would keep the whole tensor in memory for as long as a
 * part of it lives.
 */
export function slicingKernels(backend: KernelContext): KernelTable {
  const { op, asHeld: input, output, share, upload } = backend;
  const slice = op('aten::slice', 'Tensor');
  const flip = op('aten::flip');
  const clone = op('aten::clone');

  const part = (
    x: NativeTensor,
    shape: readonly number[],
    begin: readonly number[],
    size: readonly number[],
  ): NativeTensor =>
    size.reduce((y, length, axis) => {
      const from = begin[axis]!;
      return length === shape[axis] ? y : slice(y, axis, from, from + length);
    }, x);

  const sliced = (x: tf.TensorInfo, begin: readonly number[], size: number[]): tf.TensorInfo => {
    const native = part(input(x), x.shape, begin, size);
    return native === input(x) ? share(x) : output(clone(native, 'contiguous'), x.dtype, size);
  };

  return {
    Slice: kernel<'x', tf.SliceAttrs>(({ x }, { begin, size }) => {
      const [from, sizes] = tf.slice_util.parseSliceParams(x, begin, size) as [number[], number[]];
      tf.slice_util.assertParamsValid(x, from, sizes);
      return sliced(x, from, sizes);
    }),

    SplitV: kernel<'x', tf.SplitVAttrs>(({ x }, { numOrSizeSplits, axis }) => {
      const along = tf.util.parseAxisParam(axis, x.shape)[0]!;
      let from = 0;
      return tf.backend_util.prepareSplitSize(x as tf.Tensor, numOrSizeSplits, along).map((length) => {
        const begin = x.shape.map((_, i) => (i === along ? from : 0));
        const size = x.shape.map((n, i) => (i === along ? length : n));
        from += length;
        return sliced(x, begin, size);
      });
    }),

    Unpack: kernel<'value', tf.UnpackAttrs>(({ value }, { axis }) => {
      const along = tf.util.parseAxisParam(axis, value.shape)[0]!;
      const rest = value.shape.filter((_, i) => i !== along);
      const size = value.shape.map((n, i) => (i === along ? 1 : n));
      return Array.from({ length: value.shape[along]! }, (_, index) => {
        const begin = value.shape.map((__, i) => (i === along ? index : 0));
        return { ...sliced(value, begin, size), shape: rest };
      });
    }),

    StridedSlice: kernel<'x', tf.StridedSliceAttrs>(({ x }, attrs) => {
      const { finalShape, isIdentity, begin, end, strides } = tf.slice_util.sliceInfo(
        x.shape,
        attrs.begin,
        attrs.end,
        attrs.strides,
        attrs.beginMask,
        attrs.endMask,
        attrs.ellipsisMask,
        attrs.newAxisMask,
        attrs.shrinkAxisMask,
      );
      if (isIdentity) return share(x, finalShape);
      if (sizeOf(finalShape) === 0) return upload([], finalShape, x.dtype);
      const counts = tf.slice_util.computeOutShape(begin, end, strides);
      const native = counts.reduce((y, count, axis) => {
        const stride = strides[axis]!;
        const from = begin[axis]!;
        if (stride > 0) return slice(y, axis, from, from + (count - 1) * stride + 1, stride);
        // Libtorch has no negative strides: the same values forward, then flipped.
        return flip(slice(y, axis, from + (count - 1) * stride, from + 1, -stride), [axis]);
      }, input(x));
      return { ...output(clone(native, 'contiguous'), x.dtype), shape: finalShape };
    }),
  };
}
