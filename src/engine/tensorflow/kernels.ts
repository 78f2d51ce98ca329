import tf = require('@tensorflow/tfjs');
import { registerBatchNormKernels } from '../fused/batch-norm-kernels.js';
import { batchNormEpsilon } from '../fused/ops.js';

/** What TensorFlow's backend for Node has beside what every backend has. */
interface NodeBackend {
  readonly binding: Readonly<Record<string, number>>;
  readonly isUsingGpuDevice: boolean;
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

/**
 * Means over all but the channels, in two steps of about as many numbers each: TensorFlow's kernel for batch
 * normalisation adds all up in a row, and so loses three bits on a batch of 32 × 32 (docs/engines.md).
 */
function meanByChannel(x: tf.Tensor4D): tf.Tensor1D {
  const channels = x.shape[3];
  const rows = x.size / channels;
  const parts = divisorNear(rows, Math.sqrt(rows));
  return tf.tidy(() => {
    const sums = tf.mean(tf.reshape(x, [rows / parts, parts * channels]), 0);
    return tf.mean<tf.Tensor1D>(tf.reshape(sums, [parts, channels]), 0);
  });
}

/** The largest divisor up to `most`. */
const divisorNear = (n: number, most: number): number => {
  for (let divisor = Math.floor(most); divisor > 1; divisor--) if (n % divisor === 0) return divisor;
  return 1;
};

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
  const norm = (training: boolean): Attribute[] => [
    type('T'),
    type('U'),
    { name: 'epsilon', type: TF_ATTR_FLOAT!, value: batchNormEpsilon },
    { name: 'data_format', type: TF_ATTR_STRING!, value: 'NHWC' },
    { name: 'is_training', type: TF_ATTR_BOOL!, value: training },
  ];
  const batchNorm = (
    x: tf.Tensor4D,
    training: boolean,
    others: tf.Tensor[],
  ): [tf.Tensor4D, ...tf.Tensor1D[]] =>
    backend.executeMultipleOutputs('FusedBatchNormV3', norm(training), [x, ...others], 6) as never;

  registerBatchNormKernels('tensorflow', {
    forward(x, gamma, beta) {
      if (backend.isUsingGpuDevice) {
        const none = tf.tensor1d([], 'float32');
        const [y, mean, variance, ...kept] = batchNorm(x, true, [gamma, beta, none, none]);
        return { y, mean: mean!, variance: variance!, kept: [kept[0]!, kept[1]!] };
      }
      const mean = meanByChannel(x);
      const variance = tf.tidy(() => meanByChannel(tf.squaredDifference(x, mean)));
      const [y] = batchNorm(x, false, [gamma, beta, mean, variance]);
      const count = x.size / x.shape[3];
      return { y, mean, variance: tf.mul(variance, count / (count - 1)), kept: [mean, variance] };
    },
    backward(dy, x, gamma, kept) {
      // The last is what a GPU would have kept besides: for float32 it is not read.
      const inputs = [dy, x, gamma, ...kept, tf.tensor1d([], 'float32')];
      const [dx, dGamma, dBeta] = backend.executeMultipleOutputs(
        'FusedBatchNormGradV3',
        norm(true),
        inputs,
        5,
      );
      tf.dispose([dy, x]);
      return [dx as tf.Tensor4D, dGamma as tf.Tensor1D, dBeta as tf.Tensor1D];
    },
    reluGradient: (dy, y) => backend.executeSingleOutput('ReluGrad', [type('T')], [dy, y]) as tf.Tensor4D,
  });
}
