import { createRequire } from 'node:module';
import type * as util from 'node:util';

const require = createRequire(import.meta.url);

/** Which of TensorFlow's own packages for Node is installed; the one for GPUs first. */
export function tensorflowPackage(): string | undefined {
  return ['@tensorflow/tfjs-node-gpu', '@tensorflow/tfjs-node'].find((name) => {
    try {
      require.resolve(name);
      return true;
    } catch {
      return false;
    }
  });
}

/** Loads such a package, which registers the backend `tensorflow`; returns its version. */
export function loadTensorflow(name: string): string {
  // tfjs-node 4.22 calls a function that Node 23 removed; upstream's fix was never released.
  const node = require('node:util') as typeof util & { isNullOrUndefined?: (value: unknown) => boolean };
  node.isNullOrUndefined ??= (value) => value === null || value === undefined;
  const { version } = require(name) as { version: Record<string, string> };
  return version['tfjs-node'] ?? '';
}
