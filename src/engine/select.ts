import tf = require('@tensorflow/tfjs');
import { z } from 'zod';
import { checkGiven } from '../core/given.js';
import { UserError } from '../core/errors.js';
import type { Engine, EngineName } from './engine.js';
import { engineNames } from './engine.js';
import { registerFusedOps } from './fused/registry.js';
import { allocatorMeter, tensorBytesMeter } from './memory.js';
import { describe, missingFor, setup, useAllCores } from './probe.js';
import { setTensorflowKernels } from './tensorflow/kernels.js';
import { loadTensorflow } from './tensorflow/load.js';
import { tensorflowPackage } from './tensorflow/package.js';
import { torchCapture } from './torch/capture.js';
import { torchFusedOps } from './torch/fused.js';
import type { Device } from './torch/native.js';
import { registerTorchBackend } from './torch/register.js';
import { startWasm } from './wasm/backend.js';

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
  checkGiven('selectEngine', { choice: z.enum(['auto', ...engineNames]) }, { choice });
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
      return {
        name,
        description: describe(name),
        memory: allocatorMeter(backend.native, device),
        capture: torchCapture(backend),
      };
    }
    case 'tensorflow':
      loadTensorflow(tensorflowPackage()!);
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
