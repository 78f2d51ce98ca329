import tf = require('@tensorflow/tfjs');
import type { NativeTensor } from '../native.js';
import { kernel, listKernel, sizeOf, type Kernel, type KernelContext, type KernelTable } from './kernel.js';

/** Kernels of two tensors (and sums of many), value by value, broadcasting. */
export function arithmeticKernels(backend: KernelContext): KernelTable {
  const { op, input, asHeld, isShort, output, share } = backend;
  const cast = op('aten::to', 'dtype');

  /** A map in bfloat16 stays one where something smaller, such as a bias, is spread over it: libtorch would widen it. */
  const beside = (x: tf.TensorInfo, other: tf.TensorInfo): NativeTensor =>
    isShort(other) && !isShort(x) && other.shape.length === 4 && sizeOf(x.shape) < sizeOf(other.shape)
      ? cast(input(x), 'bfloat16')
      : asHeld(x);

  /** Both inputs have one dtype, which the result keeps; libtorch would divide integers into floats. */
  const same = (
    { a, b }: Readonly<Record<'a' | 'b', tf.TensorInfo>>,
    compute: (a: NativeTensor, b: NativeTensor) => NativeTensor,
    read: (x: tf.TensorInfo, other: tf.TensorInfo) => NativeTensor = input,
  ): tf.TensorInfo => {
    const dtype = a.dtype === b.dtype ? a.dtype : tf.upcastType(a.dtype, b.dtype);
    if (dtype === 'float32' || dtype === 'complex64') return output(compute(read(a, b), read(b, a)), dtype);
    // Arithmetic of booleans is that of 0 and 1.
    const operand = (x: tf.TensorInfo): NativeTensor =>
      x.dtype === 'bool' ? cast(input(x), 'int32') : input(x);
    return output(cast(compute(operand(a), operand(b)), dtype), dtype);
  };

  const binary = (name: string, overload?: string): Kernel => {
    const compute = op(name, overload);
    return kernel<'a' | 'b'>((inputs) => same(inputs, (a, b) => compute(a, b)));
  };

  /** What layers are made of. */
  const ofMaps = (name: string, overload?: string): Kernel => {
    const compute = op(name, overload);
    return kernel<'a' | 'b'>((inputs) => same(inputs, (a, b) => compute(a, b), beside));
  };

  const comparison = (name: string, overload?: string): Kernel => {
    const compute = op(name, overload);
    return kernel<'a' | 'b'>(({ a, b }) => output(compute(asHeld(a), asHeld(b)), 'bool'));
  };

  const add = op('aten::add', 'Tensor');
  const addIn = op('aten::add_', 'Tensor');
  const subtract = op('aten::sub', 'Tensor');
  const squareIn = op('aten::square_');
  const divide = op('aten::div', 'Tensor');
  const floorIn = op('aten::floor_');
  const where = op('aten::where', 'self');

  return {
    Add: ofMaps('aten::add', 'Tensor'),
    Atan2: binary('aten::atan2'),
    BitwiseAnd: binary('aten::bitwise_and', 'Tensor'),
    Maximum: ofMaps('aten::maximum'),
    Minimum: ofMaps('aten::minimum'),
    Mod: binary('aten::remainder', 'Tensor'),
    Multiply: ofMaps('aten::mul', 'Tensor'),
    Pow: binary('aten::pow', 'Tensor_Tensor'),
    RealDiv: ofMaps('aten::div', 'Tensor'),
    Sub: ofMaps('aten::sub', 'Tensor'),

    Equal: comparison('aten::eq', 'Tensor'),
    Greater: comparison('aten::gt', 'Tensor'),
    GreaterEqual: comparison('aten::ge', 'Tensor'),
    Less: comparison('aten::lt', 'Tensor'),
    LessEqual: comparison('aten::le', 'Tensor'),
    LogicalAnd: comparison('aten::logical_and'),
    LogicalOr: comparison('aten::logical_or'),
    NotEqual: comparison('aten::ne', 'Tensor'),

    SquaredDifference: kernel<'a' | 'b'>((inputs) => same(inputs, (a, b) => squareIn(subtract(a, b)))),

    // In double precision: exact for every int32, and a division by zero is not an error.
    FloorDiv: kernel<'a' | 'b'>(({ a, b }) =>
      output(cast(floorIn(divide(cast(input(a), 'float64'), cast(input(b), 'float64'))), 'int32'), 'int32'),
    ),

    AddN: listKernel((inputs) => {
      const [first, second, ...rest] = inputs;
      if (second === undefined) return share(first!);
      const sum = add(input(first!), input(second));
      for (const x of rest) addIn(sum, input(x));
      return output(sum, first!.dtype);
    }),

    Select: kernel<'condition' | 't' | 'e'>(({ condition, t, e }) =>
      output(where(input(condition), asHeld(t), asHeld(e)), tf.upcastType(t.dtype, e.dtype)),
    ),
  };
}
