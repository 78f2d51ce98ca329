import type * as tf from '@tensorflow/tfjs';
import type { NativeTensor } from '../native.js';
import type { KernelContext } from './kernel.js';

type Activate = (
  x: NativeTensor,
  activation: tf.backend_util.Activation,
  preluWeights: tf.TensorInfo | undefined,
  leakyreluAlpha: number | undefined,
) => NativeTensor;

/** The activations of fused kernels. They may overwrite x, which must be the calling kernel's own. */
export function activator({ op, input }: KernelContext): Activate {
  const relu = op('aten::relu_');
  const clamp = op('aten::clamp_');
  const elu = op('aten::elu_');
  const sigmoid = op('aten::sigmoid_');
  const leakyRelu = op('aten::leaky_relu_');
  const less = op('aten::lt', 'Scalar');
  const multiply = op('aten::mul', 'Tensor');
  const where = op('aten::where', 'self');

  return (x, activation, preluWeights, leakyreluAlpha) => {
    switch (activation) {
      case 'linear':
        return x;
      case 'relu':
        return relu(x);
      case 'relu6':
        return clamp(x, 0, 6);
      case 'elu':
        return elu(x);
      case 'sigmoid':
        return sigmoid(x);
      case 'leakyrelu':
        return leakyRelu(x, leakyreluAlpha);
      case 'prelu':
        return where(less(x, 0), multiply(x, input(preluWeights!)), x);
    }
  };
}
