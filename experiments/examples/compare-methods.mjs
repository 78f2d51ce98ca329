// Trains a small ResNet on Fashion-MNIST with backpropagation and with AugLocal, and prints accuracy and peak memory.
// node experiments/examples/compare-methods.mjs [training images] [epochs]
import { buildStrategy, disposeNetwork, loadDataset, resnetCifar, selectEngine, train } from 'locallearn';

const [trainImages = 4000, epochs = 2] = process.argv.slice(2).map(Number);
const { engine } = await selectEngine('auto');
const testImages = Math.ceil(trainImages / 4);
const data = await loadDataset({ name: 'fashion-mnist', trainImages, testImages }, 1);

for (const options of [{ method: 'bp' }, { method: 'auglocal', depth: 2 }]) {
  const network = resnetCifar({
    layers: 14,
    classes: data.classes.length,
    imageShape: data.imageShape,
    seed: 1,
  });
  const strategy = buildStrategy(network, options);
  const result = await train(strategy, data, {
    epochs,
    batchSize: 64,
    learningRate: 0.1,
    schedule: 'cosine-steps',
    seed: 1,
    engine,
  });
  const { evaluationAccuracy, peakMemoryBytes } = result.epochs.at(-1);
  console.log(
    `${strategy.name}: accuracy ${evaluationAccuracy.toFixed(3)}, peak ${(peakMemoryBytes / 1e6).toFixed(1)} MB`,
  );
  strategy.dispose();
  disposeNetwork(network);
}
