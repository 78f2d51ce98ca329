import tf = require('@tensorflow/tfjs');
import type { NativeTensor } from '../native.js';
import { activator } from './activation.js';
import { kernel, listKernel, type KernelContext, type KernelTable } from './kernel.js';

/** Products of matrices, of batches of them, and Einstein sums. */
export function matmulKernels(backend: KernelContext): KernelTable {
  const { op, input, output, device } = backend;
  const multiply = op('aten::matmul');
  const transpose = op('aten::transpose', 'int');
  const cast = op('aten::to', 'dtype');
  const addIn = op('aten::add_', 'Tensor');
  const einsum = op('aten::einsum');
  const activate = activator(backend);

  const product = (
    a: tf.TensorInfo,
    b: tf.TensorInfo,
    transposeA: boolean,
    transposeB: boolean,
  ): NativeTensor => {
    const [innerA, innerB] = [a.shape.at(transposeA ? -2 : -1), b.shape.at(transposeB ? -1 : -2)];
    tf.util.assert(
      a.shape.length > 1 && b.shape.length > 1 && innerA === innerB,
      () => `Error in matMul: inner sizes of [${a.shape.join()}] and [${b.shape.join()}] must match`,
    );
    const dtype = tf.upcastType(a.dtype, b.dtype);
    // Libtorch multiplies no integers on a GPU; doubles hold them exactly.
    const computed = device === 'cuda' && dtype === 'int32' ? 'float64' : dtype;
    const operand = (x: tf.TensorInfo, transposed: boolean): NativeTensor => {
      const native = x.dtype === computed ? input(x) : cast(input(x), computed);
      return transposed ? transpose(native, -2, -1) : native;
    };
    const y = multiply(operand(a, transposeA), operand(b, transposeB));
    return computed === dtype ? y : cast(y, dtype);
  };

  return {
    BatchMatMul: kernel<'a' | 'b', tf.BatchMatMulAttrs>(({ a, b }, { transposeA, transposeB }) =>
      output(product(a, b, transposeA, transposeB), tf.upcastType(a.dtype, b.dtype)),
    ),

    _FusedMatMul: kernel<'a' | 'b', tf._FusedMatMulAttrs, 'bias' | 'preluActivationWeights'>(
      ({ a, b, bias, preluActivationWeights }, { transposeA, transposeB, activation, leakyreluAlpha }) => {
        let y = product(a, b, transposeA, transposeB);
        if (bias !== undefined) y = addIn(y, input(bias));
        return output(activate(y, activation, preluActivationWeights, leakyreluAlpha));
      },
    ),

    Einsum: listKernel<tf.EinsumAttrs>((inputs, { equation }) => {
      // Checked by TensorFlow.js, for its messages.
      const { allDims, idDims } = tf.backend_util.decodeEinsumEquation(equation, inputs.length);
      tf.backend_util.checkEinsumDimSizes(allDims.length, idDims, inputs as tf.Tensor[]);
      return output(einsum(equation, inputs.map(input)), inputs[0]!.dtype);
    }),
  };
}
