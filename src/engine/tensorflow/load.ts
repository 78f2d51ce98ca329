import tf = require('@tensorflow/tfjs');
import { createRequire } from 'node:module';
import type * as util from 'node:util';
import { registerMissingKernels } from './missing-kernels.js';
import { settle, type TensorflowPackage } from './package.js';

const load = createRequire(import.meta.url);

/** Loads such a package, which registers the backend `tensorflow`; the backend in use stays. */
export function loadTensorflow({ path }: TensorflowPackage): void {
  // tfjs-node 4.22 calls a function that Node 23 removed; upstream's fix was never released.
  const node = load('node:util') as typeof util & { isNullOrUndefined?: (value: unknown) => boolean };
  node.isNullOrUndefined ??= (value) => value === null || value === undefined;
  settle();
  const before = tf.engine().backendName as string | undefined;
  const loaded = tf.engine().backendNames().includes('tensorflow');
  load(path);
  if (!loaded) registerMissingKernels();
  // The package makes its backend the one in use. One that is running is set at once.
  if (before !== undefined) void tf.setBackend(before);
}
