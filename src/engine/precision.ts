import tf = require('@tensorflow/tfjs');
import { UserError } from '../core/errors.js';
import type { TorchBackend } from './torch/backend.js';

export const precisions = ['float32', 'bf16'] as const;
/** What feature maps are held and multiplied in; weights, statistics, losses and optimisers have float32 in either. */
export type Precision = (typeof precisions)[number];

let current: Precision = 'float32';

/** That of the computation that is under way. */
export const precisionInForce = (): Precision => current;

/** Runs f in that precision. Nothing but an engine that was found to have it (`refusePrecision`) looks at it. */
export function withPrecision<T>(precision: Precision, f: () => T): T {
  const before = current;
  current = precision;
  try {
    return f();
  } finally {
    current = before;
  }
}

/** Whether a tensor that TensorFlow.js takes for float32 is held in bfloat16. */
export function heldInBfloat16(x: tf.Tensor): boolean {
  const { isShort } = tf.backend() as Partial<Pick<TorchBackend, 'isShort'>>;
  return isShort?.(x) === true;
}

/** @throws UserError where the backend in use has no such numbers */
export function refusePrecision(precision: Precision): void {
  const backend = tf.getBackend();
  if (precision === 'float32' || backend === 'torch') return;
  throw new UserError(
    `precision: bf16 is there on the engines torch and torch-cuda alone, and this is ${backend}: leave it out, or take one of these`,
  );
}
