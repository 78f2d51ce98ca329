import * as tf from '@tensorflow/tfjs';
import { setTestEnvs } from '@tensorflow/tfjs-core/dist/jasmine_util.js';
import { registerTorchBackend } from '../../src/engine/torch/backend.js';

registerTorchBackend('cpu');
setTestEnvs([{ name: 'torch', backendName: 'torch', flags: {}, isDataSync: true }]);
await tf.setBackend('torch');
