import tf = require('@tensorflow/tfjs');
import type { TorchBackend } from './torch/backend.js';

/** Whether a tensor that TensorFlow.js takes for float32 is held in bfloat16. */
export function heldInBfloat16(x: tf.Tensor): boolean {
  const { isShort } = tf.backend() as Partial<Pick<TorchBackend, 'isShort'>>;
  return isShort?.(x) === true;
}
