import tf = require('@tensorflow/tfjs');
import { UserError } from '../core/errors.js';
import type { Precision } from './precision.js';

/** @throws UserError where the backend in use has no such numbers */
export function refusePrecision(precision: Precision): void {
  const backend = tf.getBackend();
  if (precision === 'float32' || backend === 'torch') return;
  throw new UserError(
    `precision: bf16 is there on the engines torch and torch-cuda alone, and this is ${backend}: leave it out, or take one of these`,
  );
}
