/**
 * Whether the engine `tensorflow` works, with small whole numbers: a convolution and both its gradients. Prints what it
 * runs on. For tensorflow-engine.mjs, which runs this in a process of its own.
 */
import * as tf from '@tensorflow/tfjs';
import { selectEngine } from '../dist/engine/select.js';

const { engine } = await selectEngine('tensorflow');
const x = tf.tensor4d([0, 1, 2, 3, 4, 5, 6, 7, 8], [1, 3, 3, 1]);
const filter = tf.ones([2, 2, 1, 1]);
const { value, grads } = tf.valueAndGrads((image, kernel) => tf.conv2d(image, kernel, 1, 'valid'))([
  x,
  filter,
]);
const found = [value, ...grads].map((tensor) => Array.from(tensor.dataSync()));
const sums = [8, 12, 20, 24];
const wanted = [sums, [1, 2, 1, 2, 4, 2, 1, 2, 1], sums];
if (JSON.stringify(found) !== JSON.stringify(wanted)) {
  throw new Error(
    `a convolution and its gradients are ${JSON.stringify(found)}, not ${JSON.stringify(wanted)}`,
  );
}
console.log(engine.description);
