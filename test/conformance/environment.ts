import * as tf from '@tensorflow/tfjs';
import { setTestEnvs } from '@tensorflow/tfjs-core/dist/jasmine_util.js';
import { startTorch } from '../support/device.js';

startTorch();
setTestEnvs([{ name: 'torch', backendName: 'torch', flags: {}, isDataSync: true }]);
await tf.setBackend('torch');
