import type * as tf from '@tensorflow/tfjs';

/** What TensorFlow.js takes libtorch's dtype for. */
export function tfDtype(dtype: string): tf.DataType {
  switch (dtype) {
    case 'float32':
    case 'int32':
    case 'bool':
    case 'complex64':
      return dtype;
    // A feature map (`withPrecision`), or an optimiser's state (`toBfloat16`).
    case 'bfloat16':
      return 'float32';
    // What a max pool keeps; nothing but its gradient reads it.
    case 'uint8':
      return 'int32';
    default:
      throw new Error(`TensorFlow.js has no dtype for libtorch's ${dtype}`);
  }
}
