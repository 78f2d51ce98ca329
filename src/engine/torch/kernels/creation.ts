import tf = require('@tensorflow/tfjs');
import { kernel, type KernelContext, type KernelTable } from './kernel.js';

/** New tensors. */
export function creationKernels(backend: KernelContext): KernelTable {
  const { op, asHeld, output, upload, device } = backend;
  const full = op('aten::full');
  const fullLike = op('aten::full_like');

  return {
    Fill: kernel<never, tf.FillAttrs>((_, { shape, value, dtype }) => {
      const type = dtype ?? tf.util.inferDtype(value);
      return output(full(shape, value, type, null, device), type, shape);
    }),

    OnesLike: kernel<'x'>(({ x }) => output(fullLike(asHeld(x), 1), x.dtype, x.shape)),
    ZerosLike: kernel<'x'>(({ x }) => output(fullLike(asHeld(x), 0), x.dtype, x.shape)),

    // Small and exact on the host: libtorch counts the steps in another precision.
    Range: kernel<never, tf.RangeAttrs>((_, { start, stop, step, dtype }) => {
      const away = start === stop || (start < stop && step < 0) || (stop < start && step > 1);
      const count = away ? 0 : Math.abs(Math.ceil((stop - start) / step));
      const by = stop < start && step === 1 ? -1 : step;
      const values = Float64Array.from({ length: count }, (__, i) => start + i * by);
      return upload(tf.util.toTypedArray(values, dtype), [count], dtype);
    }),

    LinSpace: kernel<never, tf.LinSpaceAttrs>((_, { start, stop, num }) => {
      const step = (stop - start) / (num - 1);
      const values = Float32Array.from({ length: num }, (__, i) => (i === 0 ? start : start + i * step));
      return upload(values, [num], 'float32');
    }),
  };
}
