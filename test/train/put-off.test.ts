import tf = require('@tensorflow/tfjs');
import { beforeAll, describe, expect, it } from 'vitest';
import type { ProcessGroup } from '../../src/distributed/process-group.js';
import type { Engine } from '../../src/engine/engine.js';
import { selectEngine } from '../../src/engine/select.js';
import { nativeStatus } from '../../src/engine/torch/load-native.js';
import { buildStrategy } from '../../src/local/build.js';
import { disposeNetwork } from '../../src/networks/network.js';
import { resnetCifar } from '../../src/networks/resnet-cifar.js';
import type { TrainEvent } from '../../src/train/events.js';
import { dataParallel } from '../../src/train/data-parallel.js';
import { papersSgd, sgd } from '../../src/train/sgd.js';
import { captureState } from '../../src/train/state.js';
import { planSteps, trainStep } from '../../src/train/step.js';
import { train } from '../../src/train/trainer.js';
import { noise, noiseDataset } from '../support/noise.js';
import { sampleOf } from '../support/fuzz.js';
import { tinyBatch, tinyMethods, tinyNetwork, titleOf } from '../support/tiny.js';

/** A group of one rank, whose sums are there a turn of the event loop later. */
const solo: ProcessGroup = {
  rank: 0,
  size: 1,
  send: () => Promise.reject(new Error('nobody is there')),
  recv: () => Promise.reject(new Error('nobody is there')),
  sendBytes: () => Promise.reject(new Error('nobody is there')),
  recvBytes: () => Promise.reject(new Error('nobody is there')),
  allReduce: () => new Promise((resolve) => void setImmediate(resolve)),
  sumNow: () => {},
  broadcast: () => Promise.resolve(),
  barrier: () => Promise.resolve(),
  exchange: (text) => Promise.resolve([text]),
  close: () => Promise.resolve(),
  abandon: () => Promise.resolve(),
};

describe('an optimiser step that is put off', () => {
  let engine: Engine;
  beforeAll(async () => ({ engine } = await selectEngine(nativeStatus().available ? 'torch' : 'cpu')));

  it.each(sampleOf(tinyMethods, 5).map((options) => [titleOf(options), options] as const))(
    'changes no number: %s',
    async (_, options) => {
      const trained = async (parallel: boolean) => {
        const network = tinyNetwork();
        const strategy = buildStrategy(network, options);
        const optimizer = sgd(papersSgd);
        const plan = planSteps(strategy.updates, { clip: { norm: 1 } });
        const group = dataParallel(solo, strategy, plan, optimizer);
        const losses: number[] = [];
        for (const [i, rate] of [0.1, 0.05, 0.02].entries()) {
          const makeBatch = () => tinyBatch(8, `batch ${i}`);
          if (parallel) losses.push(...(await group.step(makeBatch, 1, rate, false)).losses);
          else
            tf.tidy(
              () => void losses.push(...trainStep(strategy, plan, optimizer, rate, makeBatch()).losses),
            );
        }
        if (parallel) await group.settle();
        const { tensors, counters } = captureState(strategy, optimizer);
        optimizer.dispose();
        strategy.dispose();
        disposeNetwork(network);
        return { losses, tensors, counters };
      };
      const before = tf.memory().numTensors;
      const put = await trained(true);
      expect(tf.memory().numTensors).toBe(before);
      const plain = await trained(false);
      const differing = [...plain.tensors].filter(
        ([name, { values }]) =>
          !values.every((value, i) => Object.is(value, put.tensors.get(name)?.values[i])),
      );
      expect(differing.map(([name]) => name)).toEqual([]);
      expect([...put.tensors.keys()]).toEqual([...plain.tensors.keys()]);
      expect([put.losses, put.counters]).toEqual([plain.losses, plain.counters]);
    },
  );

  it('is told with the bytes that are summed a step, and the time that they are waited for', async () => {
    const network = tinyNetwork();
    const strategy = buildStrategy(network, { method: 'auglocal', depth: 1 });
    const optimizer = sgd(papersSgd);
    const group = dataParallel(solo, strategy, planSteps(strategy.updates), optimizer);
    await group.step(() => tinyBatch(4), 1, 0.1, false);
    await group.step(() => tinyBatch(4), 1, 0.1, false);
    await group.settle();
    const { use } = group;
    const numbers = strategy.updates.flatMap(({ variables }) => variables.map(({ size }) => size));
    expect([use.steps, use.bytes]).toEqual([2, 2 * 4 * numbers.reduce((sum, size) => sum + size, 0)]);
    expect(use.waitSeconds).toBeGreaterThan(0);
    optimizer.dispose();
    strategy.dispose();
    disposeNetwork(network);
  });

  it('leaves no vote under way behind a training, however late it is counted', async () => {
    const before = tf.memory().numTensors;
    const network = resnetCifar({ layers: 8, classes: 4, imageShape: noiseDataset.imageShape, seed: 1 });
    const strategy = buildStrategy(network, { method: 'dgl' });
    const ranks: ProcessGroup = {
      ...solo,
      allReduce: () => new Promise((resolve) => void setTimeout(resolve, 30)),
    };
    const section = {
      ...{ epochs: 1, batchSize: 8, learningRate: 0.02, schedule: 'constant' as const, workers: 0 },
      ...{ seed: 1, engine, ranks },
    };
    const dataset = { ...noiseDataset, test: noise(24, 'test') };
    let votes = 0;
    const onEvent = ({ type }: TrainEvent): void => void (type === 'evaluation' && votes++);
    const { interrupted } = await train(strategy, dataset, { ...section, onEvent });
    strategy.dispose();
    disposeNetwork(network);
    expect([interrupted, votes > 1]).toEqual([false, true]);
    expect(tf.memory().numTensors).toBe(before);
  });

  it('tells of an end that was asked for, and frees all where a loss is no number', async () => {
    const before = tf.memory().numTensors;
    const network = tinyNetwork();
    const strategy = buildStrategy(network, { method: 'dgl' });
    const optimizer = sgd(papersSgd);
    const group = dataParallel(solo, strategy, planSteps(strategy.updates), optimizer);
    await group.step(() => tinyBatch(), 1, 0.1, true);
    expect(group.isStopped()).toBe(true);
    const broken = () => {
      const batch = tinyBatch();
      return {
        ...batch,
        get images() {
          return tf.mul<tf.Tensor4D>(batch.images, NaN);
        },
      };
    };
    await expect(group.step(broken, 1, 0.1, false)).rejects.toThrow(/the loss of update .* became NaN/);
    optimizer.dispose();
    strategy.dispose();
    disposeNetwork(network);
    expect(tf.memory().numTensors).toBe(before);
  });
});
