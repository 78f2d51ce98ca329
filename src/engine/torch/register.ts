import tf = require('@tensorflow/tfjs');
import { TorchBackend } from './backend.js';
import { allKernels } from './kernels/all.js';
import { loadNative } from './load-native.js';
import type { Device } from './native.js';

let registered: TorchBackend | undefined;

/**
 * Makes `torch` a TensorFlow.js backend with all its kernels, on one device for the life of the process.
 * @throws UserError if libtorch or the bridge is missing.
 */
export function registerTorchBackend(device: Device): TorchBackend {
  if (registered !== undefined) {
    if (registered.device !== device) {
      throw new Error(`The torch backend already runs on ${registered.device}; one process has one device`);
    }
    return registered;
  }
  const backend = new TorchBackend(loadNative(), device);
  for (const [kernelName, run] of Object.entries(allKernels(backend))) {
    tf.registerKernel({
      kernelName,
      backendName: 'torch',
      kernelFunc: ({ inputs, attrs }) => backend.scope(() => run(inputs as never, (attrs ?? {}) as object)),
    });
  }
  tf.registerBackend('torch', () => backend);
  registered = backend;
  return backend;
}
