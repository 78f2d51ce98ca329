import { beforeAll, expect, it } from 'vitest';
import tf = require('@tensorflow/tfjs');
import { datasetFromArrays } from '../../src/data/from-arrays.js';
import { openLoader } from '../../src/data/loader/loader.js';
import type { Engine } from '../../src/engine/engine.js';
import { fused } from '../../src/engine/fused/registry.js';
import { buildStrategy } from '../../src/local/build.js';
import type { StrategyOptionsInput } from '../../src/local/options.js';
import { networkWeights } from '../../src/networks/export.js';
import { disposeNetwork } from '../../src/networks/network.js';
import type { TorchTensor } from '../../src/nn/parameters.js';
import type { TrainOptions } from '../../src/train/context.js';
import { evaluateUpdates } from '../../src/train/evaluate-updates.js';
import { sgd } from '../../src/train/sgd.js';
import { restoreState, type TrainState } from '../../src/train/state.js';
import { train } from '../../src/train/trainer.js';
import { averageWeights } from '../../src/train/weight-average.js';
import { startEngine } from '../support/engine.js';
import { tinyClasses, tinyNetwork, tinyShape } from '../support/tiny.js';

let engine: Engine;
beforeAll(async () => {
  engine = await startEngine();
});

const noise = (size: number, step: number) => ({
  images: Uint8Array.from({ length: size * 192 }, (_, i) => (i * step) % 251),
  labels: Array.from({ length: size }, (_, i) => i % tinyClasses),
});
const dataset = datasetFromArrays({
  ...{ name: 'noise', imageShape: tinyShape, classes: ['a', 'b', 'c', 'd'] },
  ...{ train: noise(16, 7919), test: noise(8, 104729) },
  ...{ mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25] },
});

function sameBits(a: Pick<TorchTensor, 'values'>, b: Pick<TorchTensor, 'values'>): boolean {
  return Buffer.from(a.values.buffer).equals(Buffer.from(b.values.buffer));
}

async function trained(options: StrategyOptionsInput, changes: Partial<TrainOptions>) {
  const before = tf.memory().numTensors;
  const strategy = buildStrategy(tinyNetwork(), options);
  const states: TrainState[] = [];
  const { epochs } = await train(strategy, dataset, {
    ...{ epochs: 2, batchSize: 4, learningRate: 0.05, schedule: 'constant', workers: 0, seed: 1, engine },
    onState: (state) => states.push(state),
    ...changes,
  });
  const weights = networkWeights(strategy.network);
  strategy.dispose();
  disposeNetwork(strategy.network);
  expect(tf.memory().numTensors).toBe(before);
  return { epochs, states, weights };
}

it.each<StrategyOptionsInput>([{ method: 'bp' }, { method: 'man', blocks: 3, auxiliary: '1c2f' }])(
  '$method: averages are evaluated and left, and training is the same without them',
  async (options) => {
    const averaged = await trained(options, { ema: { decay: 0.8 } });
    const plain = await trained(options, {});
    const [found, wanted] = [averaged, plain].map(({ states }) => states.at(-1)!) as [TrainState, TrainState];
    const names = [...found.tensors.keys()].filter((name) => !name.startsWith('average/'));
    expect(names).toEqual([...wanted.tensors.keys()]);
    for (const name of names) {
      expect(sameBits(found.tensors.get(name)!, wanted.tensors.get(name)!), name).toBe(true);
    }
    expect(averaged.epochs.map(({ trainLoss }) => trainLoss)).toEqual(
      plain.epochs.map(({ trainLoss }) => trainLoss),
    );
    expect(averaged.epochs.at(-1)!.evaluationLoss).not.toBe(plain.epochs.at(-1)!.evaluationLoss);
    // Running statistics are averaged too; of a momentum net the weights are not.
    expect(found.tensors.has('average/network/bn1.running_mean')).toBe(true);
    const momenta = names.filter((name) => /^auxiliary\/.*\.momentum\..*(weight|bias)$/.test(name));
    expect(momenta.length > 0).toBe(options.method === 'man');
    for (const name of momenta) expect(found.tensors.has(`average/${name}`), name).toBe(false);
    for (const [name, { values }] of averaged.weights) {
      if (values instanceof Float32Array) {
        expect(sameBits({ values }, found.tensors.get(`average/network/${name}`)!), name).toBe(true);
      }
    }
    // What was evaluated is the averages, of auxiliary nets too.
    const strategy = buildStrategy(tinyNetwork(), options);
    const optimizer = sgd({ momentum: 0.9, nesterov: true, weightDecay: 0 });
    const average = averageWeights(strategy, 0.8);
    restoreState(strategy, optimizer, found, average);
    average.swap();
    const loading = { batchSize: 4, seed: 1, shuffle: false, augment: false, dropLast: false };
    const loader = openLoader(dataset, dataset.test, { ...loading, workers: 0, prefetch: 1 });
    const evaluation = await evaluateUpdates(strategy, dataset, loader.batches(1));
    await loader.close();
    const { evaluationLoss, updateAccuracies } = averaged.epochs.at(-1)!;
    expect(evaluation).toMatchObject({ loss: evaluationLoss, updateAccuracies });
    optimizer.dispose();
    average.dispose();
    strategy.dispose();
    disposeNetwork(strategy.network);
  },
);

it('a swap shares no memory, and two change nothing', () => {
  const strategy = buildStrategy(tinyNetwork(), { method: 'bp' });
  const weight = strategy.updates[0]!.variables[0]!;
  const initial = [...weight.dataSync()];
  const average = averageWeights(strategy, 0.5);
  const held = engine.memory.current();
  tf.tidy(() => weight.assign(tf.zerosLike(weight)));
  average.update();
  average.swap();
  expect([...weight.dataSync()]).toEqual(initial.map((value) => value / 2));
  average.update();
  average.swap();
  expect([...weight.dataSync()]).toEqual(initial.map((value) => value / 4));
  average.swap();
  expect([...weight.dataSync()]).toEqual(initial.map((value) => value / 2));
  expect(engine.memory.current()).toBe(held);
  average.dispose();
  strategy.dispose();
  disposeNetwork(strategy.network);
});

it('memory that runs out while they are made is told, and nothing is left', async () => {
  const strategy = buildStrategy(tinyNetwork(), { method: 'bp' });
  const before = tf.memory().numTensors;
  const ops = fused() as { -readonly [Op in keyof ReturnType<typeof fused>]: ReturnType<typeof fused>[Op] };
  const { movingAverage } = ops;
  ops.movingAverage = () => {
    throw Object.assign(new Error('9 bytes'), { code: 'OUT_OF_MEMORY' });
  };
  const options = { epochs: 1, batchSize: 8, learningRate: 0.1, ema: { decay: 0.9 }, workers: 1 } as const;
  try {
    await expect(
      train(strategy, dataset, { ...options, schedule: 'constant', seed: 1, engine }),
    ).rejects.toThrow('the averages of train.ema: out of memory: 9 bytes; leave them out, or ');
  } finally {
    ops.movingAverage = movingAverage;
  }
  expect(tf.memory().numTensors).toBe(before);
  strategy.dispose();
  disposeNetwork(strategy.network);
});
