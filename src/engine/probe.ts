import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { messageOf } from '../core/errors.js';
import { plural } from '../core/text.js';
import { engineNames, type EngineName } from './engine.js';
import { tensorflowInWords, tensorflowPackage, tensorflowScript } from './tensorflow/package.js';
import { loadNative, nativeStatus } from './torch/load-native.js';
import type { Native } from './torch/native.js';

// What is found out here is asked for in a moment: TensorFlow.js, which takes longest to load, is not needed for it.

/** Whether an engine can be used here: what `doctor` says about it. */
export interface EngineReport {
  readonly name: EngineName;
  readonly available: boolean;
  /** Version, device and threads, or what is missing. */
  readonly detail: string;
  /** What to do to get it, or to make it faster. */
  readonly remedy?: string;
}

export const setup = 'run "npx locallearn setup"';

/**
 * Finds out which engines can be used here, and starts none.
 *
 * @returns every engine, fastest first
 */
export function probeEngines(): Promise<EngineReport[]> {
  return Promise.resolve(
    engineNames.map((name): EngineReport => {
      const missing = missingFor(name);
      return missing === undefined
        ? { name, available: true, detail: describe(name) }
        : { name, available: false, ...missing };
    }),
  );
}

type Missing = Pick<EngineReport, 'detail' | 'remedy'>;

/** Why an engine cannot be used, or undefined if it can. */
export function missingFor(name: EngineName): Missing | undefined {
  switch (name) {
    case 'torch':
    case 'torch-cuda': {
      const native = tryNative();
      if (!native.ok) return native.missing;
      if (name === 'torch' || cudaDevices(native.value).length > 0) return undefined;
      return {
        detail: `libtorch ${native.value.version} sees no CUDA device`,
        remedy: 'install an NVIDIA driver and a CUDA build of libtorch, then build the bridge again',
      };
    }
    case 'tensorflow': {
      const found = tryTensorflow();
      return found.ok ? undefined : found.missing;
    }
    case 'wasm':
    case 'cpu':
      return undefined;
  }
}

type Found<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly missing: Missing };

function tryNative(): Found<Native> {
  const status = nativeStatus();
  if (status.available) return { ok: true, value: status.native };
  return { ok: false, missing: { detail: status.reason, remedy: setup } };
}

function tryTensorflow(): Found<string> {
  const found = tensorflowPackage();
  const remedy = `run "bash ${tensorflowScript()}"`;
  if (found === undefined) return { ok: false, missing: { detail: 'TensorFlow is not installed', remedy } };
  try {
    return { ok: true, value: tensorflowInWords(found) };
  } catch (error) {
    const detail = `${found.name} is installed but does not load (${firstLine(error)})`;
    return { ok: false, missing: { detail, remedy } };
  }
}

const firstLine = (error: unknown): string => messageOf(error).split('\n')[0]!;

const cudaDevices = (native: Native): Native['devices'] =>
  native.devices.filter(({ id }) => id.startsWith('cuda'));

/** Libtorch counts one core where it cannot read the machine's topology (some virtual machines). */
export function useAllCores(native: Native): void {
  const { OMP_NUM_THREADS, MKL_NUM_THREADS } = process.env;
  if (native.threads === 1 && OMP_NUM_THREADS === undefined && MKL_NUM_THREADS === undefined) {
    native.setThreads(availableParallelism());
  }
}

/** For people; the engine must be usable. */
export function describe(name: EngineName): string {
  switch (name) {
    case 'torch': {
      const native = loadNative();
      useAllCores(native);
      return `libtorch ${native.version}, cpu, ${plural(native.threads, 'thread')}`;
    }
    case 'torch-cuda': {
      const native = loadNative();
      return `libtorch ${native.version}, ${cudaDevices(native)
        .map((device) => `${device.id} (${device.name})`)
        .join(', ')}`;
    }
    case 'tensorflow': {
      const found = tryTensorflow();
      return found.ok ? found.value : found.missing.detail;
    }
    case 'wasm':
      return `TensorFlow.js ${tfjsVersion()} on WebAssembly, 1 thread`;
    case 'cpu':
      return `TensorFlow.js ${tfjsVersion()} in JavaScript, 1 thread`;
  }
}

const require = createRequire(import.meta.url);

const tfjsVersion = (): string => (require('@tensorflow/tfjs/package.json') as { version: string }).version;
