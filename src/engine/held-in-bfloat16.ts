import tf = require('@tensorflow/tfjs');
import type { TorchBackend } from './torch/backend.js';

/** Whether a tensor that TensorFlow.js takes for float32 is held in bfloat16. */
export function heldInBfloat16(x: tf.Tensor): boolean {
  const { isShort } = tf.backend() as Partial<Pick<TorchBackend, 'isShort'>>;
  return isShort?.(x) === true;
}

/** Bytes of its values: all that are not bfloat16 have four a number. */
export const heldBytes = (x: tf.Tensor): number => (heldInBfloat16(x) ? 2 : 4) * x.size;
