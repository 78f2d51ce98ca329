import * as tf from '@tensorflow/tfjs';
import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import type * as util from 'node:util';
import { plural } from '../../core/text.js';
import { registerMissingKernels } from './missing-kernels.js';

/** One of TensorFlow's own packages for Node. */
export interface TensorflowPackage {
  readonly name: string;
  /** The module to load. */
  readonly path: string;
}

const names = ['@tensorflow/tfjs-node-gpu', '@tensorflow/tfjs-node'];

const require = createRequire(import.meta.url);

// The same paths from src/ (tests) and from dist/: both lie three folders above.
const script = fileURLToPath(new URL('../../../scripts/tensorflow-engine.sh', import.meta.url));
/** Where that script puts the package. */
const ours = fileURLToPath(new URL('../../../native/build/tensorflow/node_modules/', import.meta.url));

/**
 * Which of them is there, or undefined: the one that scripts/tensorflow-engine.sh installed, else one installed beside
 * this package; of two the one for GPUs.
 */
export function tensorflowPackage(): TensorflowPackage | undefined {
  for (const name of [...names.map((each) => ours + each), ...names]) {
    try {
      return { name: name.replace(ours, ''), path: require.resolve(name) };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'MODULE_NOT_FOUND') throw error;
    }
  }
  return undefined;
}

/** The script that installs one, as it is called from here: this package may be another's dependency. */
export function tensorflowScript(): string {
  const fromHere = relative('.', script);
  return fromHere.startsWith('..') ? script : fromHere;
}

/** What TensorFlow's backend for Node has beside what every backend has. */
interface NodeBackend {
  readonly binding: { readonly TF_Version: string };
  readonly isUsingGpuDevice: boolean;
}

/**
 * Loads such a package, which registers the backend `tensorflow`; the backend in use stays.
 *
 * @returns package, versions, device and threads, for people
 */
export function loadTensorflow({ name, path }: TensorflowPackage): string {
  // tfjs-node 4.22 calls a function that Node 23 removed; upstream's fix was never released.
  const node = require('node:util') as typeof util & { isNullOrUndefined?: (value: unknown) => boolean };
  node.isNullOrUndefined ??= (value) => value === null || value === undefined;
  // TensorFlow tells of its processor and its CUDA on the error stream: warnings and errors will do.
  process.env['TF_CPP_MIN_LOG_LEVEL'] ??= '1';
  // A resumed run goes on to the same bits, on a GPU too.
  process.env['TF_DETERMINISTIC_OPS'] ??= '1';
  const before = tf.engine().backendName as string | undefined;
  const loaded = tf.engine().backendNames().includes('tensorflow');
  const { version } = require(path) as { version: Record<string, string> };
  const { binding, isUsingGpuDevice } = tf.findBackend('tensorflow') as unknown as NodeBackend;
  if (!loaded) registerMissingKernels();
  // The package makes its backend the one in use. One that is running is set at once.
  if (before !== undefined) void tf.setBackend(before);
  const device = isUsingGpuDevice ? 'CUDA' : `cpu, ${plural(threads(), 'thread')}`;
  return `TensorFlow ${binding.TF_Version} by ${name} ${version['tfjs-node'] ?? ''}, ${device}`;
}

/** As TensorFlow itself counts those of its kernels. */
const threads = (): number => Number(process.env['TF_NUM_INTRAOP_THREADS'] ?? 0) || availableParallelism();
