import tf = require('@tensorflow/tfjs');
import type { NativeTensor } from '../native.js';
import { kernel, type KernelContext, type KernelTable } from './kernel.js';

/** Batch normalisation with given statistics, and local response normalisation. */
export function normalizationKernels(backend: KernelContext): KernelTable {
  const { op, multiOp, input, isShort, output } = backend;
  const cast = op('aten::to', 'dtype');
  const batchNorm = multiOp('aten::native_batch_norm');
  const permute = op('aten::permute');
  const add = op('aten::add', 'Scalar');
  const addIn = op('aten::add_', 'Tensor');
  const addScalarIn = op('aten::add_', 'Scalar');
  const subtract = op('aten::sub', 'Tensor');
  const subtractIn = op('aten::sub_', 'Tensor');
  const multiply = op('aten::mul', 'Tensor');
  const multiplyIn = op('aten::mul_', 'Tensor');
  const multiplyScalarIn = op('aten::mul_', 'Scalar');
  const divideIn = op('aten::div_', 'Tensor');
  const rsqrtIn = op('aten::rsqrt_');
  const power = op('aten::pow', 'Tensor_Scalar');
  const square = op('aten::square');
  const pad = op('aten::constant_pad_nd');
  const unfold = op('aten::unfold');
  const sum = op('aten::sum', 'dim_IntList');

  /** Sums over the channels at most `radius` away. */
  const neighbours = (x: NativeTensor, radius: number): NativeTensor =>
    sum(unfold(pad(x, [radius, radius]), -1, 2 * radius + 1, 1), [-1]);

  /** bias + alpha · Σ x² */
  const scale = (x: NativeTensor, { depthRadius, bias, alpha }: tf.LRNAttrs): NativeTensor =>
    addScalarIn(multiplyScalarIn(neighbours(square(x), depthRadius), alpha), bias);

  return {
    FusedBatchNorm: kernel<'x' | 'mean' | 'variance', tf.FusedBatchNormAttrs, 'scale' | 'offset'>(
      ({ x, mean, variance, scale: gamma, offset }, { varianceEpsilon }) => {
        for (const [name, other] of Object.entries({ variance, offset, scale: gamma })) {
          tf.util.assert(
            other === undefined || other === null || other.shape.length === mean.shape.length,
            () => `Batch normalization gradient requires mean and ${name} to have equal ranks.`,
          );
        }
        const epsilon = varianceEpsilon ?? 0.001;
        const parameter = (info: tf.TensorInfo | undefined): NativeTensor | null =>
          info ? input(info) : null;
        if (mean.shape.length === 1 && x.shape.length === 4) {
          const [y] = batchNorm(
            permute(input(x), [0, 3, 1, 2]),
            parameter(gamma),
            parameter(offset),
            input(mean),
            input(variance),
            false,
            0,
            epsilon,
          );
          const map = permute(y, [0, 2, 3, 1]);
          return output(isShort(x) ? cast(map, 'bfloat16') : map, 'float32', x.shape);
        }
        const deviation = rsqrtIn(add(input(variance), epsilon));
        const factor = gamma ? multiply(deviation, input(gamma)) : deviation;
        const y = multiplyIn(subtract(input(x), input(mean)), factor);
        return output(offset ? addIn(y, input(offset)) : y, 'float32', x.shape);
      },
    ),

    LRN: kernel<'x', tf.LRNAttrs>(({ x }, attrs) =>
      output(multiplyIn(power(scale(input(x), attrs), -attrs.beta), input(x)), 'float32', x.shape),
    ),

    LRNGrad: kernel<'x' | 'y' | 'dy', tf.LRNGradAttrs>(({ x, y, dy }, attrs) => {
      const { depthRadius, alpha, beta } = attrs;
      const norm = scale(input(x), attrs);
      const through = neighbours(divideIn(multiply(input(dy), input(y)), norm), depthRadius);
      const others = multiplyScalarIn(multiplyIn(through, input(x)), 2 * alpha * beta);
      return output(subtractIn(multiplyIn(power(norm, -beta), input(dy)), others), 'float32', x.shape);
    }),
  };
}
