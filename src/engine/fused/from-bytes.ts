import tf = require('@tensorflow/tfjs');
import type { FusedOp } from './fused-op.js';

/** Bytes as a new float32 tensor of the same values; they go to the device as bytes. No gradient. */
type FromBytes = (values: Uint8Array, shape: readonly number[]) => tf.Tensor;

export const fromBytes: FusedOp<FromBytes> = {
  composed: (values, shape) => tf.tensor(new Float32Array(values), [...shape]),

  torch({ op, bytesToDevice, wrap }) {
    const convert = op('aten::to', 'dtype');

    return (values, shape) => {
      const bytes = bytesToDevice(values, shape);
      try {
        return wrap(convert(bytes, 'float32', false, false, null));
      } finally {
        bytes.dispose();
      }
    };
  },
};
