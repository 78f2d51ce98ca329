import tf = require('@tensorflow/tfjs');
import { afterEach, beforeAll, expect, it } from 'vitest';
import type { MemorySplit, Split } from '../../../src/data/dataset.js';
import { partsOf } from '../../../src/distributed/blocks/part.js';
import { placeBlocks } from '../../../src/distributed/blocks/placement.js';
import type { Engine } from '../../../src/engine/engine.js';
import { buildStrategy } from '../../../src/local/build.js';
import type { StrategyOptionsInput } from '../../../src/local/options.js';
import { disposeNetwork, networkState } from '../../../src/networks/network.js';
import { drawAbsent, withoutMemory } from '../../../src/nn/parameters.js';
import type { TrainEvent } from '../../../src/train/events.js';
import { startEngine } from '../../support/engine.js';
import { noiseDataset } from '../../support/noise.js';
import { expectSame, held, trainedAlone, trainedOnRanks } from '../../support/ranks.js';
import { tinyNetwork } from '../../support/tiny.js';

let engine: Engine;
beforeAll(async () => {
  engine = await startEngine();
});
afterEach(() => expect(held()).toEqual({ tensors: 0, variables: 0 }));

const auglocal: StrategyOptionsInput = { method: 'auglocal', depth: 2 };
const man: StrategyOptionsInput = { method: 'man', blocks: 3, auxiliary: '1c2f' };

it('mixed images, smoothed labels, averages, clipping, rate factors and AdamW are the same on ranks', async () => {
  const changes = {
    mixup: 0.4,
    labelSmoothing: 0.1,
    ema: { decay: 0.9 },
    clip: { norm: 1 },
    rateFactors: { 'block 1': 0.5, head: 2 },
    optimizer: { name: 'adamw', weightDecay: 0.05, noDecay: ['bias', 'norm'] },
    learningRate: 0.003,
  } as const;
  const alone = await trainedAlone(engine, man, changes);
  const ranks = await trainedOnRanks(engine, man, placeBlocks(3, [2]), changes);
  expectSame(ranks, alone);
  expect(ranks.left).toEqual([]);
});

it('three ranks with a queue of one come to the same, each method’s last block following the next', async () => {
  const alone = await trainedAlone(engine, man);
  const ranks = await trainedOnRanks(engine, man, placeBlocks(3, [1, 2]), { queue: 1 });
  expectSame(ranks, alone);
  expect(ranks.left).toEqual([]);
});

it('ranks tell the bytes that they send in training alone, the peak of their own updates, and what they hold', async () => {
  // Features [n, 8, 8, 16] and labels go up, with what says how long they are; 16 bytes for each batch come down.
  const whole = buildStrategy(tinyNetwork(), auglocal);
  const parts = partsOf(whole, placeBlocks(whole.blocks, [2]));
  const parameterBytes = parts.map(({ strategy: { updates } }) =>
    [...new Set(updates.flatMap(({ variables }) => variables))].reduce((sum, { size }) => sum + 4 * size, 0),
  );
  whole.dispose();
  disposeNetwork(whole.network);
  const { epochs, told } = await trainedOnRanks(engine, auglocal, placeBlocks(whole.blocks, [2]));
  expect(told.map(({ steps }) => steps)).toEqual([4, 8]);
  const { ranks } = told.at(-1)!;
  expect(ranks.map((rank) => rank.blocks)).toEqual([
    [1, 2],
    [3, whole.blocks],
  ]);
  expect(ranks.map((rank) => rank.parameterBytes)).toEqual(parameterBytes);
  // 14 images in four batches.
  const features = (4 * 14 * 8 * 8 * 16) / 4;
  expect(ranks[0]!.bytesPerStep).toBeGreaterThan(features);
  expect(ranks[0]!.bytesPerStep).toBeLessThan(features + 300);
  expect(ranks[1]!.bytesPerStep).toBe(16);
  const peaks = ranks.map(({ peakMemoryBytes }) => peakMemoryBytes);
  expect(Math.max(...peaks)).toBe(Math.max(...epochs.map(({ peakMemoryBytes }) => peakMemoryBytes)));
  const own = epochs.map(({ updatePeakBytes }) => Object.values(updatePeakBytes).slice(2));
  expect(peaks[1]).toBe(Math.max(...own.flat()));
});

/** Signals of two ranks, and an event handler of rank 0 that gives one of them at a step. */
function stopping(rank: number, step: number) {
  const aborts = [new AbortController(), new AbortController()];
  return {
    signals: aborts.map(({ signal }) => signal),
    onEvent: (event: TrainEvent) => {
      if (event.type === 'step' && event.epoch === 2 && event.step === step) aborts[rank]!.abort();
    },
  };
}

it.each([0, 1])(
  'a stop that rank %i asks for ends all after the same step, and the run goes on anywhere',
  async (rank) => {
    for (const options of [auglocal, man]) {
      const blocks = options.method === 'man' ? 3 : 5;
      const straight = await trainedAlone(engine, options);
      const stopped = await trainedOnRanks(engine, options, placeBlocks(blocks, [2]), stopping(rank, 1));
      expect(stopped.interrupted).toBe(true);
      expect(stopped.left).toEqual([]);
      expect(stopped.state.partial?.epoch).toBe(2);
      expect(stopped.epochs).toHaveLength(1);
      const resume = { resume: stopped.state };
      expectSame(await trainedAlone(engine, options, resume), straight);
      expectSame(await trainedOnRanks(engine, options, placeBlocks(blocks, [1]), resume), straight);
    }
  },
);

it('a run of one process goes on on ranks', async () => {
  const abort = new AbortController();
  const onEvent = (event: TrainEvent): void => {
    if (event.type === 'step' && event.epoch === 1 && event.step === 3) abort.abort();
  };
  const first = await trainedAlone(engine, man, { signal: abort.signal, onEvent, ema: { decay: 0.5 } });
  expect(first.state.partial?.steps).toBe(3);
  const ema = { ema: { decay: 0.5 } };
  const rest = await trainedOnRanks(engine, man, placeBlocks(3, [1]), { resume: first.state, ...ema });
  expectSame(rest, await trainedAlone(engine, man, ema));
});

it('begins with the state of another run, whose epochs are not its own, as one process does', async () => {
  const ema = { ema: { decay: 0.5 } };
  const { state } = await trainedAlone(engine, man, { ...ema, epochs: 1 });
  const start = { ...ema, resume: { epochs: [], tensors: state.tensors, counters: state.counters } };
  const ranks = await trainedOnRanks(engine, man, placeBlocks(3, [1]), start);
  expectSame(ranks, await trainedAlone(engine, man, start));
  expect(ranks.epochs).toHaveLength(2);
  expect(ranks.epochs[0]!.trainLoss).not.toBe((await trainedAlone(engine, man, ema)).epochs[0]!.trainLoss);
});

it('hands floating-point images on to ranks whose loss rebuilds them', async () => {
  const infopro: StrategyOptionsInput = { method: 'infopro', blocks: 3 };
  const floats = (split: Split): MemorySplit => {
    if (split.kind === 'files') throw new Error('in memory they are');
    return { ...split, images: Float32Array.from(split.images, (value) => value / 255) };
  };
  const { train, test, ...rest } = noiseDataset;
  const dataset = { ...rest, train: floats(train), test: floats(test) };
  const ranks = await trainedOnRanks(engine, infopro, placeBlocks(3, [1]), { dataset });
  expectSame(ranks, await trainedAlone(engine, infopro, { dataset }));
  expectSame(ranks, await trainedAlone(engine, infopro));
});

it('a rank has memory for its own blocks alone, and the values that one process draws', () => {
  const before = tf.memory().numBytes;
  const whole = buildStrategy(tinyNetwork(), auglocal);
  const all = tf.memory().numBytes - before;
  const start = tf.memory().numBytes;
  const strategy = withoutMemory(() => buildStrategy(tinyNetwork(), auglocal));
  expect(tf.memory().numBytes).toBe(start);
  const parts = partsOf(strategy, placeBlocks(strategy.blocks, [2, 3]));
  const wanted = new Map(
    [...networkState(whole.network), ...whole.auxiliary].map(({ name, variable }) => [name, variable]),
  );
  let sum = 0;
  for (const { strategy: part } of parts) {
    const own = [...networkState(part.network), ...part.auxiliary];
    const bytes = tf.memory().numBytes;
    drawAbsent(own.map(({ variable }) => variable));
    const grown = tf.memory().numBytes - bytes;
    expect(grown).toBe(own.reduce((total, { variable }) => total + 4 * variable.size, 0));
    sum += grown;
    for (const { name, variable } of own) {
      expect([name, ...variable.dataSync()]).toEqual([name, ...wanted.get(name)!.dataSync()]);
    }
  }
  expect(sum).toBe(all);
  for (const each of [whole, strategy]) {
    each.dispose();
    disposeNetwork(each.network);
  }
});

it.each<[StrategyOptionsInput, number, RegExp]>([
  [
    { method: 'hpff', blocks: 4 },
    1,
    /^parallel.cuts: hpff: rank 0 .*'cascade 1–2' trains .* cut after block 2 or later$/,
  ],
  [
    { method: 'mlaan', blocks: 4, variant: 'imagenet' },
    2,
    /mlaan: 'cascade 1–3' and 'head' train the same block.*parallel: data/,
  ],
])('%j cannot be cut after block %i, and why is said', (options, cut, message) => {
  const strategy = withoutMemory(() => buildStrategy(tinyNetwork(), options));
  expect(() => partsOf(strategy, placeBlocks(4, [cut]))).toThrow(message);
  strategy.dispose();
  disposeNetwork(strategy.network);
});
