import tf = require('@tensorflow/tfjs');
import { setTestEnvs } from '@tensorflow/tfjs-core/dist/jasmine_util.js';
import { startEngine } from '../support/engine.js';

await startEngine();
const name = tf.getBackend();
setTestEnvs([{ name, backendName: name, flags: {}, isDataSync: true }]);
