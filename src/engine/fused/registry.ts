import tf = require('@tensorflow/tfjs');
import { composedOps, type FusedOps } from './all.js';

const registered = new Map<string, FusedOps>();

/** Makes these the fused ops of a TensorFlow.js backend; others compose theirs of standard kernels. */
export function registerFusedOps(backend: string, ops: FusedOps): void {
  registered.set(backend, ops);
}

/** The fused ops of the backend in use. */
export function fused(): FusedOps {
  return registered.get(tf.getBackend()) ?? composedOps;
}
