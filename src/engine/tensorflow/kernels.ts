import * as tf from '@tensorflow/tfjs';
import { registerBatchNormKernels } from '../fused/batch-norm-kernels.js';
import { batchNormEpsilon } from '../fused/ops.js';

/** What TensorFlow's backend for Node has beside what every backend has. */
interface NodeBackend {
  readonly binding: Readonly<Record<string, number>>;
  executeSingleOutput(name: string, attributes: Attribute[], inputs: tf.Tensor[]): tf.Tensor;
  executeMultipleOutputs(
    name: string,
    attributes: Attribute[],
    inputs: tf.Tensor[],
    outputs: number,
  ): tf.Tensor[];
}

interface Attribute {
  readonly name: string;
  /** Of the binding's constants, what kind of value it is. */
  readonly type: number;
  readonly value: number | string | boolean;
}

let set = false;

/**
 * TensorFlow's own kernels for batch normalisation and the ReLU's gradient, of which TensorFlow.js uses none to train. To
 * be called with the backend in use.
 */
export function setTensorflowKernels(): void {
  if (set) return;
  set = true;
  const backend = tf.backend() as unknown as NodeBackend;
  const { TF_ATTR_TYPE, TF_ATTR_FLOAT, TF_ATTR_STRING, TF_ATTR_BOOL, TF_FLOAT } = backend.binding;
  const type = (name: string): Attribute => ({ name, type: TF_ATTR_TYPE!, value: TF_FLOAT! });
  const norm: Attribute[] = [
    type('T'),
    type('U'),
    { name: 'epsilon', type: TF_ATTR_FLOAT!, value: batchNormEpsilon },
    { name: 'data_format', type: TF_ATTR_STRING!, value: 'NHWC' },
    { name: 'is_training', type: TF_ATTR_BOOL!, value: true },
  ];

  registerBatchNormKernels('tensorflow', {
    forward(x, gamma, beta) {
      const none = tf.tensor1d([], 'float32');
      const results = backend.executeMultipleOutputs(
        'FusedBatchNormV3',
        norm,
        [x, gamma, beta, none, none],
        6,
      );
      const [y, mean, variance, keptMean, keptSpread] = results as [tf.Tensor4D, ...tf.Tensor1D[]];
      return { y, mean: mean!, variance: variance!, kept: [keptMean!, keptSpread!] };
    },
    backward(dy, x, gamma, kept) {
      // The last is what a GPU would have kept besides: for float32 it is not read.
      const inputs = [dy, x, gamma, ...kept, tf.tensor1d([], 'float32')];
      const [dx, dGamma, dBeta] = backend.executeMultipleOutputs('FusedBatchNormGradV3', norm, inputs, 5);
      tf.dispose([dy, x]);
      return [dx as tf.Tensor4D, dGamma as tf.Tensor1D, dBeta as tf.Tensor1D];
    },
    reluGradient: (dy, y) => backend.executeSingleOutput('ReluGrad', [type('T')], [dy, y]) as tf.Tensor4D,
  });
}
