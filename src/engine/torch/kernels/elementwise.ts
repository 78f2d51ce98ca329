import tf = require('@tensorflow/tfjs');
import type { NativeTensor } from '../native.js';
import { kernel, type Kernel, type KernelContext, type KernelTable } from './kernel.js';

/** Kernels of one tensor, value by value. */
export function elementwiseKernels(backend: KernelContext): KernelTable {
  const { op, input, asHeld, isShort, output, share } = backend;
  const cast = op('aten::to', 'dtype');

  /** Libtorch promotes integers to floats where it must; TensorFlow.js keeps the input's dtype. */
  const same = (
    x: tf.TensorInfo,
    compute: (x: NativeTensor) => NativeTensor,
    read = input,
  ): tf.TensorInfo => {
    if (x.dtype === 'float32' || x.dtype === 'complex64') return output(compute(read(x)), x.dtype, x.shape);
    const computed = compute(x.dtype === 'bool' ? cast(input(x), 'int32') : input(x));
    return output(cast(computed, x.dtype), x.dtype, x.shape);
  };

  /** The result has the input's dtype. */
  const unary = (name: string, ...constants: number[]): Kernel => {
    const compute = op(name);
    return kernel<'x'>(({ x }) => same(x, (native) => compute(native, ...constants)));
  };

  /** What layers are made of: of a map in bfloat16 it makes another. */
  const ofMaps = (name: string, ...constants: number[]): Kernel => {
    const compute = op(name);
    return kernel<'x'>(({ x }) => same(x, (native) => compute(native, ...constants), asHeld));
  };

  const test = (name: string): Kernel => {
    const compute = op(name);
    return kernel<'x'>(({ x }) => output(compute(input(x)), 'bool', x.shape));
  };

  const exp = op('aten::exp');
  const clamp = op('aten::clamp');
  const leakyRelu = op('aten::leaky_relu');
  const eluBackward = op('aten::elu_backward');
  const greater = op('aten::gt', 'Scalar');
  const less = op('aten::lt', 'Scalar');
  const isNan = op('aten::isnan');
  const fill = op('aten::masked_fill', 'Scalar');
  const multiply = op('aten::mul', 'Tensor');
  const multiplyIn = op('aten::mul_', 'Scalar');
  const addIn = op('aten::add_', 'Scalar');
  const where = op('aten::where', 'self');
  const real = op('aten::real');
  const contiguous = op('aten::clone');

  return {
    Abs: ofMaps('aten::abs'),
    Acos: unary('aten::acos'),
    Acosh: unary('aten::acosh'),
    Asin: unary('aten::asin'),
    Asinh: unary('aten::asinh'),
    Atan: unary('aten::atan'),
    Atanh: unary('aten::atanh'),
    Ceil: unary('aten::ceil'),
    Cos: unary('aten::cos'),
    Cosh: unary('aten::cosh'),
    Elu: ofMaps('aten::elu'),
    Erf: unary('aten::erf'),
    Expm1: unary('aten::expm1'),
    Floor: unary('aten::floor'),
    Log: unary('aten::log'),
    Log1p: unary('aten::log1p'),
    Neg: ofMaps('aten::neg'),
    Reciprocal: unary('aten::reciprocal'),
    Relu: ofMaps('aten::relu'),
    Relu6: ofMaps('aten::clamp', 0, 6),
    Round: unary('aten::round'),
    Rsqrt: unary('aten::rsqrt'),
    Selu: ofMaps('aten::selu'),
    Sigmoid: ofMaps('aten::sigmoid'),
    Sign: ofMaps('aten::sign'),
    Sin: unary('aten::sin'),
    Sinh: unary('aten::sinh'),
    Softplus: unary('aten::softplus'),
    Sqrt: unary('aten::sqrt'),
    Square: unary('aten::square'),
    Tan: unary('aten::tan'),
    Tanh: ofMaps('aten::tanh'),

    IsFinite: test('aten::isfinite'),
    IsInf: test('aten::isinf'),
    IsNan: test('aten::isnan'),
    LogicalNot: test('aten::logical_not'),

    Exp: kernel<'x'>(({ x }) => output(exp(input(x)), 'float32', x.shape)),

    ClipByValue: kernel<'x', tf.ClipByValueAttrs>(({ x }, { clipValueMin, clipValueMax }) =>
      same(x, (native) => clamp(native, clipValueMin, clipValueMax), asHeld),
    ),

    LeakyRelu: kernel<'x', tf.LeakyReluAttrs>(({ x }, { alpha }) =>
      output(
        leakyRelu(x.dtype === 'float32' ? asHeld(x) : cast(input(x), 'float32'), alpha),
        'float32',
        x.shape,
      ),
    ),

    Prelu: kernel<'x' | 'alpha'>(({ x, alpha }) => {
      const native = input(x);
      return output(where(less(native, 0), multiply(native, input(alpha)), native), 'float32');
    }),

    EluGrad: kernel<'dy' | 'y'>(({ dy, y }) =>
      output(eluBackward(input(dy), 1, 1, 1, true, input(y)), 'float32', y.shape),
    ),

    // NaN stays NaN; libtorch's own step function, heaviside, makes it 0.
    Step: kernel<'x', tf.StepAttrs>(({ x }, { alpha }) =>
      same(
        x,
        (native) => {
          const steps = cast(greater(native, 0), isShort(x) ? 'bfloat16' : 'float32');
          if (alpha !== 0) addIn(multiplyIn(steps, 1 - alpha), alpha);
          return fill(steps, isNan(native), NaN);
        },
        asHeld,
      ),
    ),

    Cast: kernel<'x', tf.CastAttrs>(({ x }, { dtype }) => {
      if (dtype === x.dtype) return share(x);
      if (x.dtype !== 'complex64') return output(cast(input(x), dtype), dtype, x.shape);
      const realPart = real(input(x));
      return output(dtype === 'float32' ? contiguous(realPart) : cast(realPart, dtype), dtype, x.shape);
    }),

    Identity: kernel<'x'>(({ x }) => share(x)),
  };
}
