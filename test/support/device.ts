import type { TorchBackend } from '../../src/engine/torch/backend.js';
import type { Device } from '../../src/engine/torch/native.js';
import { registerTorchBackend } from '../../src/engine/torch/register.js';

/** What the tests of the torch engine run on: the CPU, or the GPU that `npm run test:cuda` asks for. */
export const torchDevice: Device = process.env.LOCALLEARN_TEST_DEVICE === 'cuda' ? 'cuda' : 'cpu';

export const torchEngine = torchDevice === 'cpu' ? 'torch' : 'torch-cuda';

/** The torch backend, computing in float32 throughout. */
export function startTorch(): TorchBackend {
  const backend = registerTorchBackend(torchDevice);
  backend.native.allowTf32(false);
  return backend;
}
