import tf = require('@tensorflow/tfjs');
import type { FusedOp } from './fused-op.js';

/**
 * Bytes as a new float32 tensor of the numbers that a table has for them; they go to the device as bytes. No gradient.
 *
 * @param values of the shape's elements
 * @param shape its last dimension is channels
 * @param table `[256, channels]`: what stands for each byte in each channel
 */
type FromBytes = (values: Uint8Array, shape: readonly number[], table: Float32Array) => tf.Tensor;

export const fromBytes: FusedOp<FromBytes> = {
  composed(values, shape, table) {
    const channels = shape.at(-1)!;
    const found = Float32Array.from(values, (byte, i) => table[byte * channels + (i % channels)]!);
    return tf.tensor(found, [...shape]);
  },

  torch({ op, bytesToDevice, input, wrap }) {
    const look = op('locallearn::from_bytes');

    return (values, shape, table) => {
      const numbers = tf.tensor1d(table);
      let bytes: ReturnType<typeof bytesToDevice> | undefined;
      try {
        bytes = bytesToDevice(values, shape);
        return wrap(look(bytes, input(numbers)));
      } finally {
        bytes?.dispose();
        numbers.dispose();
      }
    };
  },
};
