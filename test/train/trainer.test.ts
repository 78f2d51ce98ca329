import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { Dataset, MemorySplit, Split } from '../../src/data/dataset.js';
import { packPaths } from '../../src/data/files/path-list.js';
import type { Engine } from '../../src/engine/engine.js';
import { selectEngine } from '../../src/engine/select.js';
import { nativeStatus } from '../../src/engine/torch/load-native.js';
import { UserError } from '../../src/core/errors.js';
import { buildStrategy } from '../../src/local/build.js';
import type { StrategyOptionsInput } from '../../src/local/options.js';
import type { Strategy } from '../../src/local/strategy.js';
import { disposeNetwork } from '../../src/networks/network.js';
import { resnetCifar } from '../../src/networks/resnet-cifar.js';
import { torchEngine } from '../support/device.js';
import { sampleOf } from '../support/fuzz.js';
import { randomStream } from '../../src/core/random.js';
import type { TrainEvent } from '../../src/train/events.js';
import type { TrainState } from '../../src/train/state.js';
import { train } from '../../src/train/trainer.js';
import { toTorch } from '../../src/nn/parameters.js';

const imageShape = [8, 8, 3] as const;

/** Images of one colour and noise; the colour is the class. */
function colours(size: number, name: string): MemorySplit {
  const random = randomStream(1, name);
  const labels = Uint16Array.from({ length: size }, (_, i) => i % 3);
  const images = Uint8Array.from({ length: size * 192 }, (_, at) => {
    const own = labels[Math.floor(at / 192)] === at % 3;
    return (own ? 140 : 60) + random.below(60);
  });
  return { kind: 'memory', size, images, labels };
}

const dataset: Dataset = {
  name: 'colours',
  classes: ['red', 'green', 'blue'],
  imageShape,
  mean: [0.5, 0.5, 0.5],
  std: [0.25, 0.25, 0.25],
  train: colours(96, 'train'),
  test: colours(30, 'test'),
  augmentation: { crop: { kind: 'padded', pad: 1, padMode: 'zero' }, flip: true },
};

const section = {
  epochs: 3,
  batchSize: 16,
  learningRate: 0.1,
  schedule: 'cosine-steps',
  workers: 0,
} as const;

describe.skipIf(!nativeStatus().available)('train', () => {
  let engine: Engine;
  const strategies: Strategy[] = [];
  const build = (options: StrategyOptionsInput): Strategy => {
    const strategy = buildStrategy(resnetCifar({ layers: 14, classes: 3, imageShape, seed: 1 }), options);
    strategies.push(strategy);
    return strategy;
  };
  beforeAll(async () => ({ engine } = await selectEngine(torchEngine)));
  afterEach(() => {
    for (const strategy of strategies.splice(0)) {
      strategy.dispose();
      disposeNetwork(strategy.network);
    }
  });

  const learners: readonly StrategyOptionsInput[] = [
    { method: 'bp' },
    { method: 'auglocal', depth: 2 },
    { method: 'man', blocks: 3 },
    { method: 'hpff', blocks: 3 },
  ];
  it.each(sampleOf(learners, 2))('learns to tell colours apart with $method', async (options) => {
    const strategy = build(options);
    const isHpff = options.method === 'hpff';
    const { epochs, interrupted } = await train(strategy, dataset, { ...section, seed: 1, engine });
    expect(interrupted).toBe(false);
    expect(epochs.map(({ epoch }) => epoch)).toEqual([1, 2, 3]);
    const last = epochs[2]!;
    expect(last.evaluationAccuracy).toBeGreaterThan(0.8);
    expect(last.trainLoss).toBeLessThan(epochs[0]!.trainLoss);
    expect(Object.keys(last.updateLosses)).toEqual(strategy.updates.map(({ name }) => name));
    expect(last.peakMemoryBytes).toBe(Math.max(...Object.values(last.updatePeakBytes)));
    const classifying = strategy.updates.filter(({ name, classifier }) => name === 'head' || classifier);
    expect(classifying.length).toBeGreaterThan(strategy.blocks / 2);
    expect(Object.keys(last.updateAccuracies)).toEqual(classifying.map(({ name }) => name));
    expect(last.updateAccuracies['head']).toBe(last.evaluationAccuracy);
    // What HPFF's blocks have for themselves is weighted with 0.001, too little to learn so soon.
    const learnt = Object.entries(last.updateAccuracies).filter(([name]) => name !== 'block 2' || !isHpff);
    for (const [name, accuracy] of learnt) expect(accuracy, name).toBeGreaterThan(0.5);
    expect(last.reservedMemoryBytes).toBeGreaterThanOrEqual(last.peakMemoryBytes);
  });

  it('gives the same numbers for the same seed, whatever the number of workers, and others for another', async () => {
    const run = async (seed: number, workers: number) => {
      const strategy = build({ method: 'auglocal', depth: 1 });
      const options = { ...section, epochs: 1, workers, seed, engine };
      const { epochs } = await train(strategy, dataset, options);
      return [epochs[0]!.updateLosses, toTorch(strategy.network.units[0]!.layer.parameters[0]!).values];
    };
    const first = await run(1, 1);
    expect(await run(1, 2)).toEqual(first);
    expect(await run(2, 1)).not.toEqual(first);
  });

  it('ends early where accuracy stalls, resumed or not', async () => {
    const events: TrainEvent[] = [];
    const options = { ...section, epochs: 9, seed: 1, engine, earlyStopping: { patience: 1, minDelta: 0.9 } };
    const onEvent = (event: TrainEvent): void => void events.push(event);
    let state: TrainState | undefined;
    const onState = (given: TrainState): void => void (state = given);
    const first = await train(build({ method: 'bp' }), dataset, { ...options, onEvent, onState });
    expect(first.interrupted).toBe(false);
    expect(first.epochs.map(({ epoch }) => epoch)).toEqual([1, 2]);
    expect(events.at(-1)).toEqual({ type: 'stalled', epoch: 2 });
    const again = await train(build({ method: 'bp' }), dataset, { ...options, resume: state });
    expect(again.epochs).toEqual(first.epochs);
  });

  it('reports every step and evaluation in order', async () => {
    const events: TrainEvent[] = [];
    const onEvent = (event: TrainEvent): void => void events.push(event);
    await train(build({ method: 'bp' }), dataset, { ...section, epochs: 1, seed: 1, engine, onEvent });
    expect(events.map(({ type }) => type)).toEqual([
      'epoch-start',
      ...Array.from({ length: 6 }, () => 'step'),
      ...Array.from({ length: 2 }, () => 'evaluation'),
      'epoch-end',
    ]);
  });

  it.each(['step', 'evaluation'] as const)('stops after the %s at hand when told to', async (type) => {
    const stop = new AbortController();
    let after = 0;
    const onEvent = (event: TrainEvent): void => {
      if (stop.signal.aborted) after++;
      if (event.type === type && event.epoch === 2) stop.abort();
    };
    const options = { ...section, seed: 1, engine, onEvent, signal: stop.signal };
    const { epochs, interrupted } = await train(build({ method: 'bp' }), dataset, options);
    expect({ epochs: epochs.length, interrupted, after }).toEqual({ epochs: 1, interrupted: true, after: 0 });
  });

  it('says which update lost its numbers, and when', async () => {
    const options = { ...section, learningRate: 1e30, schedule: 'constant', seed: 1, engine } as const;
    const run = train(build({ method: 'auglocal', depth: 1 }), dataset, options);
    await expect(run).rejects.toThrow(UserError);
    await expect(run).rejects.toThrow(
      /^epoch 1, step \d+: the loss of update '(block \d|head)' became (NaN|-?Infinity)/,
    );
  });

  it('mixes images where asked to, the same for the same seed', async () => {
    const run = async (mixup: number, seed = 1) => {
      const options = { ...section, epochs: 1, mixup, seed, engine };
      return (await train(build({ method: 'bp' }), dataset, options)).epochs[0]!.trainLoss;
    };
    const mixed = await run(1);
    expect(await run(1)).toBe(mixed);
    expect(await run(0)).not.toBe(mixed);
    expect(mixed).toBeGreaterThan(0.2);
  });

  it('says how long it waited for data', async () => {
    const { epochs } = await train(build({ method: 'bp' }), dataset, {
      ...section,
      epochs: 1,
      seed: 1,
      engine,
    });
    const { dataWaitSeconds, trainSeconds, skippedImages } = epochs[0]!;
    expect(dataWaitSeconds).toBeGreaterThan(0);
    expect(dataWaitSeconds).toBeLessThan(trainSeconds);
    expect(skippedImages).toBe(0);
  });

  describe('on image files', () => {
    let folder: string;
    beforeAll(() => (folder = mkdtempSync(join(tmpdir(), 'locallearn-train-'))));
    afterAll(() => rmSync(folder, { recursive: true }));

    const write = async (name: string, split: MemorySplit, bad: readonly number[]): Promise<Split> => {
      const paths = Array.from({ length: split.size }, (_, i) => join(folder, `${name}-${i}.png`));
      for (const [i, path] of paths.entries()) {
        const pixels = split.images.subarray(i * 192, (i + 1) * 192);
        await sharp(pixels, { raw: { width: 8, height: 8, channels: 3 } }).toFile(path);
        if (bad.includes(i)) writeFileSync(path, 'not a picture');
      }
      return { kind: 'files', size: split.size, labels: split.labels, paths: packPaths(paths) };
    };
    const files = async (badTrain: readonly number[], badTest: readonly number[]): Promise<Dataset> => ({
      ...dataset,
      train: await write('train', inMemory(dataset.train), badTrain),
      test: await write('test', inMemory(dataset.test), badTest),
      onBadImage: 'skip',
    });
    const inMemory = (split: Split): MemorySplit => split as MemorySplit;

    it('gives the numbers of the same images in memory', async () => {
      const options = { ...section, epochs: 1, seed: 1, engine };
      const expected = await train(build({ method: 'bp' }), dataset, options);
      const found = await train(build({ method: 'bp' }), await files([], []), options);
      expect(found.epochs[0]!.updateLosses).toEqual(expected.epochs[0]!.updateLosses);
      expect(found.epochs[0]!.evaluationLoss).toBe(expected.epochs[0]!.evaluationLoss);
    });

    it('skips bad ones, counts them and reports each once, whatever the number of workers', async () => {
      const damaged = await files([3, 40], [7]);
      const run = async (workers: number) => {
        const events: TrainEvent[] = [];
        const onEvent = (event: TrainEvent): void => void events.push(event);
        const options = { ...section, epochs: 2, workers, seed: 1, engine, onEvent };
        const { epochs } = await train(build({ method: 'bp' }), damaged, options);
        const skipped = events.flatMap((event) => (event.type === 'skipped' ? [event] : []));
        return {
          skipped,
          epochs: epochs.map(({ evaluationLoss, trainLoss, skippedImages }) => ({
            evaluationLoss,
            trainLoss,
            skippedImages,
          })),
        };
      };
      const first = await run(1);
      const told = first.skipped.map(({ epoch, split, images }) => [
        epoch,
        split,
        images.map(({ index }) => index),
      ]);
      expect(told.flat(2).filter(Number.isInteger).toSorted()).toEqual([1, 1, 1, 3, 40, 7]);
      expect(first.skipped.at(-1)).toEqual({
        type: 'skipped',
        epoch: 1,
        split: 'test',
        images: [
          {
            index: 7,
            path: join(folder, 'test-7.png'),
            reason: 'is no JPEG, PNG, GIF, WebP, TIFF or AVIF image',
          },
        ],
      });
      expect(first.epochs.map(({ skippedImages }) => skippedImages)).toEqual([3, 3]);
      expect(await run(0)).toEqual(first);
    });

    it.each([0, 1])(
      'leaves an image out that is alone in its batch, and counts it: %i workers',
      async (workers) => {
        const damaged = await files([3, 40], [7]);
        const events: TrainEvent[] = [];
        const onEvent = (event: TrainEvent): void => void events.push(event);
        // DGL's linear layers have one value a channel of a single image.
        const options = { ...section, epochs: 1, batchSize: 2, workers, seed: 1, engine, onEvent };
        const { epochs } = await train(build({ method: 'dgl', blocks: 2 }), damaged, options);
        const skipped = events.flatMap((event) =>
          event.type === 'skipped' && event.split === 'train' ? event.images : [],
        );
        const alone = skipped.filter(
          ({ reason }) => reason === 'is alone in its batch, of which all other images are bad',
        );
        expect(skipped).toHaveLength(4);
        expect(alone).toHaveLength(2);
        for (const { path, index } of alone) expect(path).toBe(join(folder, `train-${index}.png`));
        const trained = events.flatMap((event) => (event.type === 'step' ? [event.images] : []));
        expect(trained).toEqual(Array<number>(46).fill(2));
        // One more is bad of those to evaluate on, where an image may be alone.
        expect(epochs[0]!.skippedImages).toBe(5);
      },
    );

    it('fails at the first bad one if so told, with its name', async () => {
      const damaged: Dataset = { ...(await files([3], [])), onBadImage: 'fail' };
      for (const batchSize of [16, 2]) {
        const run = train(build({ method: 'bp' }), damaged, { ...section, batchSize, seed: 1, engine });
        await expect(run).rejects.toThrow(UserError);
        await expect(run).rejects.toThrow(`${join(folder, 'train-3.png')} (image 3) is no JPEG`);
      }
    });

    it('says so where no image is left', async () => {
      const all = Array.from({ length: 96 }, (_, i) => i);
      const options = { ...section, epochs: 1, seed: 1, engine };
      const untrained = train(build({ method: 'bp' }), await files(all, []), options);
      await expect(untrained).rejects.toThrow(
        'epoch 1: there is no image to train on: all of them are bad, or alone in their batch',
      );
      const unmeasured = train(build({ method: 'bp' }), await files([], all.slice(0, 30)), options);
      await expect(unmeasured).rejects.toThrow('there is no image to evaluate on: all of them are bad');
    });
  });

  describe('the last batch', () => {
    const steps = async (
      images: number,
      changes: Partial<Parameters<typeof train>[2]>,
      method: StrategyOptionsInput = { method: 'bp' },
    ) => {
      const taken: { images: number; loss: number }[] = [];
      const onEvent = (event: TrainEvent): void => {
        if (event.type === 'step') taken.push(event);
      };
      const smaller = { ...dataset, train: colours(images, 'train') };
      const options = { ...section, epochs: 1, seed: 1, engine, workers: 0, onEvent, ...changes };
      const { epochs } = await train(build(method), smaller, options);
      return { taken, sizes: taken.map((step) => step.images), epoch: epochs[0]! };
    };

    it('is short, and counts by its images in the mean loss and in the schedule', async () => {
      const { taken, sizes, epoch } = await steps(40, { schedule: 'cosine-steps', mixup: 0.3 });
      expect(sizes).toEqual([16, 16, 8]);
      const sum = taken.reduce((total, { images, loss }) => total + images * loss, 0);
      expect(epoch.trainLoss).toBeCloseTo(sum / 40, 12);
      expect(epoch.skippedImages).toBe(0);
    });

    it('is left out with `drop`', async () => {
      const { sizes, epoch } = await steps(40, { lastBatch: 'drop' });
      expect(sizes).toEqual([16, 16]);
      expect(epoch.skippedImages).toBe(0);
    });

    it.each([
      { method: 'dgl', blocks: 3 },
      { method: 'auglocal', depth: 1 },
      { method: 'infopro', blocks: 2, loss: 'contrast' },
    ] as const)('$method: an image alone in it is left out, and counted', async (method) => {
      const { sizes, epoch } = await steps(33, {}, method);
      expect(sizes).toEqual([16, 16]);
      expect(epoch.skippedImages).toBe(1);
      expect((await steps(34, {}, method)).sizes).toEqual([16, 16, 2]);
    });
  });

  it('refuses a batch larger than the data set', async () => {
    const run = train(build({ method: 'bp' }), dataset, { ...section, batchSize: 97, seed: 1, engine });
    await expect(run).rejects.toThrow(/97 is larger than the data set, 96 images/);
  });
});
