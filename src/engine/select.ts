import { plural } from '../core/text.js';
import { availableParallelism } from 'node:os';
import * as tf from '@tensorflow/tfjs';
import { messageOf, UserError } from '../core/errors.js';
import type { Engine, EngineName } from './engine.js';
import { engineNames } from './engine.js';
import { registerFusedOps } from './fused/registry.js';
import { allocatorMeter, tensorBytesMeter } from './memory.js';
import { setTensorflowKernels } from './tensorflow/kernels.js';
import { loadTensorflow, tensorflowPackage, tensorflowScript } from './tensorflow/load.js';
import { torchFusedOps } from './torch/fused.js';
import { loadNative, nativeStatus } from './torch/load-native.js';
import type { Device, Native } from './torch/native.js';
import { registerTorchBackend } from './torch/register.js';
import { startWasm } from './wasm/backend.js';

/** Whether an engine can be used here: what `doctor` says about it. */
export interface EngineReport {
  readonly name: EngineName;
  readonly available: boolean;
  /** Version, device and threads, or what is missing. */
  readonly detail: string;
  /** What to do to get it, or to make it faster. */
  readonly remedy?: string;
}

const setup = 'run "npx locallearn setup"';

/**
 * Starts an engine and makes it TensorFlow.js's backend.
 *
 * @param choice an engine by name, or `auto` for the fastest there is
 * @param options `fullPrecision`: a GPU multiplies in float32 throughout; else in what libtorch and PyTorch choose by
 * themselves, which for convolutions is TF32
 * @returns the engine; of `auto` also, as `notice`, how to get a faster one where that is worth it
 * @throws UserError if an engine asked for by name is not there
 */
export async function selectEngine(
  choice: EngineName | 'auto',
  { fullPrecision = false }: { readonly fullPrecision?: boolean } = {},
): Promise<{ engine: Engine; notice?: string }> {
  // TensorFlow.js would advertise its own Node backend on the first use of some kernels.
  tf.enableProdMode();
  if (choice !== 'auto') {
    const missing = missingFor(choice);
    if (missing !== undefined) {
      throw new UserError(`engine ${choice}: ${missing.detail}; ${missing.remedy ?? 'choose "auto"'}`);
    }
    return { engine: await start(choice, fullPrecision) };
  }
  const name = engineNames.find((candidate) => missingFor(candidate) === undefined) ?? 'cpu';
  const engine = await start(name, fullPrecision);
  if (name === 'torch' || name === 'torch-cuda') return { engine };
  return {
    engine,
    notice: `Running on the engine ${name}: ${missingFor('torch')!.detail}. It is several times faster with libtorch: ${setup}.`,
  };
}

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
function missingFor(name: EngineName): Missing | undefined {
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
    return { ok: true, value: loadTensorflow(found) };
  } catch (error) {
    const detail = `${found.name} is installed but does not load (${firstLine(error)})`;
    return { ok: false, missing: { detail, remedy } };
  }
}

const firstLine = (error: unknown): string => messageOf(error).split('\n')[0]!;

const cudaDevices = (native: Native): Native['devices'] =>
  native.devices.filter(({ id }) => id.startsWith('cuda'));

async function start(name: EngineName, fullPrecision: boolean): Promise<Engine> {
  switch (name) {
    case 'torch':
    case 'torch-cuda': {
      const device: Device = name === 'torch' ? 'cpu' : 'cuda';
      const backend = registerTorchBackend(device);
      useAllCores(backend.native);
      // A resumed run goes on to the same bits.
      backend.native.setDeterministic(true);
      if (fullPrecision) backend.native.allowTf32(false);
      registerFusedOps('torch', torchFusedOps(backend));
      await setBackend('torch');
      return { name, description: describe(name), memory: allocatorMeter(backend.native, device) };
    }
    case 'tensorflow':
      tryTensorflow();
      await setBackend('tensorflow');
      setTensorflowKernels();
      break;
    case 'wasm':
      await startWasm();
      break;
    case 'cpu':
      await setBackend('cpu');
      break;
  }
  return { name, description: describe(name), memory: tensorBytesMeter() };
}

async function setBackend(name: string): Promise<void> {
  if (!(await tf.setBackend(name))) throw new Error(`TensorFlow.js could not start its backend ${name}`);
}

/** Libtorch counts one core where it cannot read the machine's topology (some virtual machines). */
function useAllCores(native: Native): void {
  const { OMP_NUM_THREADS, MKL_NUM_THREADS } = process.env;
  if (native.threads === 1 && OMP_NUM_THREADS === undefined && MKL_NUM_THREADS === undefined) {
    native.setThreads(availableParallelism());
  }
}

/** For people; the engine must be usable. */
function describe(name: EngineName): string {
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
      return `TensorFlow.js ${tf.version['tfjs-core']} on WebAssembly, 1 thread`;
    case 'cpu':
      return `TensorFlow.js ${tf.version['tfjs-core']} in JavaScript, 1 thread`;
  }
}
