import { createRequire } from 'node:module';
import { dirname, sep } from 'node:path';
import tf = require('@tensorflow/tfjs');
import { registerWasmKernels } from './kernels.js';

let started = false;

/** Sets TensorFlow.js's `wasm` backend, with the binaries of its own package (no network) and our kernels. */
export async function startWasm(): Promise<void> {
  // Not imported above: merely loading the package makes wasm TensorFlow.js's preferred backend.
  const { setWasmPaths } = await import('@tensorflow/tfjs-backend-wasm');
  if (!started) {
    const entry = createRequire(import.meta.url).resolve('@tensorflow/tfjs-backend-wasm');
    setWasmPaths(dirname(entry) + sep);
    registerWasmKernels();
    started = true;
  }
  if (!(await tf.setBackend('wasm'))) throw new Error('The wasm backend could not be started');
}
