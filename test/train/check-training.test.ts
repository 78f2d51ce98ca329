import { afterAll, beforeAll, expect, it } from 'vitest';
import { UserError } from '../../src/core/errors.js';
import { datasetFromArrays } from '../../src/data/from-arrays.js';
import type { Engine } from '../../src/engine/engine.js';
import { buildStrategy } from '../../src/local/build.js';
import type { Strategy } from '../../src/local/strategy.js';
import { disposeNetwork } from '../../src/networks/network.js';
import { resnetCifar } from '../../src/networks/resnet-cifar.js';
import type { TrainOptions } from '../../src/train/context.js';
import { train } from '../../src/train/trainer.js';
import { startEngine } from '../support/engine.js';

const imageShape = [8, 8, 1] as const;
const split = { images: Float32Array.from({ length: 256 }, (_, i) => Math.sin(i)), labels: [0, 1, 0, 1] };
const arrays = { name: 'mine', classes: ['a', 'b'], imageShape, train: split, test: split };
let engine: Engine;
let strategy: Strategy;
beforeAll(async () => {
  engine = await startEngine();
  strategy = buildStrategy(resnetCifar({ layers: 8, classes: 2, imageShape, seed: 1 }), { method: 'bp' });
});
afterAll(() => {
  strategy.dispose();
  disposeNetwork(strategy.network);
});

const usual = { epochs: 2, batchSize: 4, learningRate: 0.1, schedule: 'constant', workers: 0, seed: 1 };

it.each<[string, object, string | RegExp]>([
  [
    'an engine by its name',
    { engine: 'torch' },
    'train: options.engine: must be an engine, as of selectEngine',
  ],
  ['no engine', { engine: undefined }, 'train: options.engine: must be an engine, as of selectEngine'],
  [
    'a key that there is not',
    { epoch: 3 },
    /^train: options\.epoch: unknown key \(did you mean "epochs"\?\)/,
  ],
  [
    'half an optimiser',
    { optimizer: { step: () => {} } },
    'train: options.optimizer.state: must be a function',
  ],
  [
    'a schedule that gives nothing later on',
    { schedule: ({ epoch }: { epoch: number }) => (epoch > 1 ? undefined : 1) },
    'train.schedule: must give the share of the learning rate, a number from 0, and gave undefined in epoch 2, after 0 of its steps',
  ],
  [
    'a metric without a tally',
    { metrics: [{ name: 'mine', start: () => undefined }] },
    'metric "mine": start must return a tally { add, total }',
  ],
  [
    'a metric with a total of nothing that has a name',
    {
      metrics: [
        { name: 'mine', start: () => ({ add: () => {}, total: () => Object.create(null) as number }) },
      ],
    },
    'metric "mine": total must give a finite number, and gave a map',
  ],
])('%s is refused in one line', async (_, change, message) => {
  const options = { engine, ...usual, ...change } as unknown as TrainOptions;
  const training = train(strategy, datasetFromArrays(arrays), options);
  await expect(training).rejects.toThrow(UserError);
  await expect(training).rejects.toThrow(message);
});

it('classes that the network has no logits for are refused', async () => {
  const data = datasetFromArrays({ ...arrays, classes: ['a', 'b', 'c'] });
  await expect(train(strategy, data, { engine, ...usual } as TrainOptions)).rejects.toThrow(
    'train: dataset: has 3 classes, and resnet-8 tells 2 apart: build the network for as many',
  );
});
