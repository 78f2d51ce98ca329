import { buildStrategy, loadDataset, resnetCifar, selectEngine, train } from 'locallearn';

const { engine, notice } = await selectEngine('auto');
if (notice !== undefined) console.error(notice);
const data = await loadDataset({ name: 'fashion-mnist', trainImages: 64, testImages: 20 }, 1);
const network = resnetCifar({ layers: 8, classes: 10, imageShape: data.imageShape, seed: 1 });
const strategy = buildStrategy(network, { method: 'auglocal', depth: 2 });
const settings = { epochs: 1, batchSize: 32, learningRate: 0.1, schedule: 'constant', seed: 1 } as const;
const { epochs } = await train(strategy, data, { ...settings, engine });
console.log(`${engine.name}: accuracy ${epochs.at(-1)!.evaluationAccuracy.toFixed(3)}`);
