// Trains the network of one's own in mixer.ts, on the arrays of one's own there, with backpropagation and greedily.
// node experiments/examples/own-network.mjs [training images] [epochs]
import {
  buildNetwork,
  buildStrategy,
  disposeNetwork,
  loadDataset,
  loadPlugins,
  registryWith,
  selectEngine,
  train,
} from 'locallearn';

const [images = 1200, epochs = 3] = process.argv.slice(2).map(Number);
const { engine } = await selectEngine('auto');
// A plugin may be TypeScript. What a script defines itself goes into `registryWith` beside it: `{ file: import.meta.filename, plugin }`.
const origin = 'own-network.mjs';
const registry = registryWith(await loadPlugins([{ path: 'mixer.ts', folder: import.meta.dirname, origin }]));
const data = await loadDataset({ name: 'shapes', train: images }, 1, undefined, registry.datasets);
const { imageShape, classes } = data;

for (const options of [{ method: 'bp' }, { method: 'greedy', blocks: 3 }]) {
  const network = buildNetwork(
    { name: 'mixer', patchSize: 4, layers: 4, width: 32 },
    { classes: classes.length, imageShape, seed: 1 },
    registry.networks,
  );
  const strategy = buildStrategy(network, options, registry);
  const result = await train(strategy, data, {
    ...{
      epochs,
      batchSize: 32,
      learningRate: 0.05,
      schedule: 'cosine-steps',
      weightDecay: 0,
      seed: 1,
      engine,
    },
  });
  console.log(`${strategy.name}: accuracy ${result.epochs.at(-1).evaluationAccuracy.toFixed(3)}`);
  strategy.dispose();
  disposeNetwork(network);
}
