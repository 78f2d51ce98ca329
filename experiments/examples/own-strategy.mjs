// A strategy of one's own in plain TensorFlow.js: every block learns to make its features tell the classes apart on
// its own, by the distance to the mean feature of each class in the batch. No auxiliary net at all.
// node experiments/examples/own-strategy.mjs [training images] [epochs]
import * as tf from '@tensorflow/tfjs';
import {
  blockForward,
  crossEntropy,
  cutIntoBlocks,
  detach,
  evenCuts,
  headLoss,
  loadDataset,
  resnetCifar,
  selectEngine,
  train,
  trainableVariables,
} from 'locallearn';

/** Cross-entropy of the negative squared distances to the classes' mean features. */
function prototypeLoss(features, labels) {
  const x = tf.mean(features, [1, 2]);
  const counts = tf.maximum(tf.sum(labels, 0), 1).expandDims(1);
  const means = tf.div(tf.matMul(labels, x, true, false), counts);
  const distances = tf.sum(tf.square(tf.sub(x.expandDims(1), means.expandDims(0))), 2);
  return crossEntropy(tf.neg(distances), labels);
}

function prototypes(network) {
  const blocks = cutIntoBlocks(network, evenCuts(network, 4, { stemJoined: true }));
  const last = blocks.length - 1;
  const updates = blocks.map((block, i) => ({
    name: i < last ? `block ${i + 1}` : 'head',
    variables: i < last ? block.variables : [...block.variables, ...trainableVariables([network.head])],
    forward({ x }, batch) {
      const features = blockForward(block, x, batch);
      if (i === last) return { loss: headLoss(network, features, batch), streams: {} };
      return { loss: prototypeLoss(features, batch.labels), streams: { x: detach(features) } };
    },
  }));
  const partition = blocks.map(({ units }) => units.map(({ name }) => name));
  return {
    name: 'prototypes',
    network,
    blocks: blocks.length,
    partition,
    updates,
    auxiliary: [],
    dispose() {},
  };
}

const [trainImages = 4000, epochs = 2] = process.argv.slice(2).map(Number);
const { engine } = await selectEngine('auto');
const testImages = Math.ceil(trainImages / 4);
const data = await loadDataset({ name: 'fashion-mnist', trainImages, testImages }, 1);
const network = resnetCifar({
  layers: 14,
  classes: data.classes.length,
  imageShape: data.imageShape,
  seed: 1,
});
const { epochs: rows } = await train(prototypes(network), data, {
  epochs,
  batchSize: 64,
  learningRate: 0.1,
  schedule: 'cosine-steps',
  seed: 1,
  engine,
});
for (const { epoch, evaluationAccuracy, updateLosses } of rows) {
  console.log(`epoch ${epoch}: accuracy ${evaluationAccuracy.toFixed(3)}`, updateLosses);
}
