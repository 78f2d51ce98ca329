import { existsSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { plural } from '../../core/text.js';

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

/** TensorFlow itself, as Node loads it. */
interface Binding {
  readonly TF_Version: string;
  isUsingGpuDevice(): boolean;
}

/**
 * Loads the package's native half, which is what may not load, and no JavaScript.
 *
 * @returns package, versions, device and threads, for people
 * @throws where there is none for this Node, or it does not load
 */
export function tensorflowInWords({ name, path }: TensorflowPackage): string {
  settle();
  const folder = join(dirname(path), '..');
  const { version } = require(join(folder, 'package.json')) as { version: string };
  const binding = require(bindingIn(join(folder, 'lib'))) as Binding;
  const device = binding.isUsingGpuDevice() ? 'CUDA' : `cpu, ${plural(threads(), 'thread')}`;
  return `TensorFlow ${binding.TF_Version} by ${name} ${version}, ${device}`;
}

/** Of the bindings in `lib/napi-v8` and the like that for the newest Node-API that this Node has, as the package does. */
function bindingIn(lib: string): string {
  const newest = Number(process.versions['napi']);
  const versions = readdirSync(lib)
    .flatMap((name) => /^napi-v(\d+)$/.exec(name)?.[1] ?? [])
    .map(Number)
    .filter((version) => version <= newest && existsSync(join(lib, `napi-v${version}`, file)))
    .sort((a, b) => b - a);
  if (versions[0] === undefined) throw new Error(`${lib} has no binding for Node-API ${newest}`);
  return join(lib, `napi-v${versions[0]}`, file);
}

const file = 'tfjs_binding.node';

/** Variables of the environment that TensorFlow reads. */
export function settle(): void {
  // It tells of its processor and its CUDA on the error stream: warnings and errors will do.
  process.env['TF_CPP_MIN_LOG_LEVEL'] ??= '1';
  // A resumed run goes on to the same bits, on a GPU too.
  process.env['TF_DETERMINISTIC_OPS'] ??= '1';
  // By itself it takes oneDNN's kernels on newer processors alone, and has no dilated depthwise convolution without them.
  process.env['TF_ENABLE_ONEDNN_OPTS'] ??= '1';
}

/** As TensorFlow itself counts those of its kernels. */
const threads = (): number => Number(process.env['TF_NUM_INTRAOP_THREADS'] ?? 0) || availableParallelism();
