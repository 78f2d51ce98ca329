// node experiments/torchvision/export.mjs CASE FOLDER
// Builds the network of a case from its seed, writes it as weights.safetensors, and what it makes of the case's images
// in evaluation and in training mode as outputs.safetensors.
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import {
  buildNetwork,
  evaluationMode,
  networkForward,
  networkOptionsSchema,
  networkState,
  networkWeights,
  selectEngine,
  setFromTorch,
  toTorch,
  trainingMode,
  unitsForward,
  writeSafetensors,
} from 'locallearn';
import { cases, changedValues, classes, imageValues, isChanged, seed } from './cases.mjs';

const [name, folder] = process.argv.slice(2);
const each = cases[name];
const { engine } = await selectEngine('auto');
const started = performance.now();
const network = buildNetwork(networkOptionsSchema.parse(each.network), {
  classes,
  imageShape: [each.size, each.size, 3],
  seed,
});
const buildSeconds = (performance.now() - started) / 1000;
for (const parameter of networkState(network)) {
  if (!isChanged(parameter.name, parameter.variable.shape)) continue;
  const { shape, values } = toTorch(parameter);
  setFromTorch(parameter, { shape, values: changedValues(each, parameter.name, values) });
}
writeSafetensors(join(folder, 'weights.safetensors'), networkWeights(network));

const shape = [each.batch, 3, each.size, each.size];
const values = imageValues(each);
const images = tf.transpose(tf.tensor4d(values, shape), [0, 2, 3, 1]);
const evaluation = networkForward(network, images, evaluationMode);
// The head without dropout: PyTorch's masks are its own.
const training = network.head.forward(
  unitsForward(network.units, images, images, trainingMode),
  evaluationMode,
);
const output = (logits) => ({ shape: logits.shape, values: Float32Array.from(logits.dataSync()) });
writeSafetensors(
  join(folder, 'outputs.safetensors'),
  new Map([
    ['images', { shape, values }],
    ['evaluation', output(evaluation)],
    ['training', output(training)],
  ]),
);
console.log(JSON.stringify({ engine: engine.name, buildSeconds }));
