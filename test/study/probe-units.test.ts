import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Dataset, MemorySplit } from '../../src/data/dataset.js';
import type { Engine } from '../../src/engine/engine.js';
import { compareUnits } from '../../src/study/compare-units.js';
import { probeUnits, type ProbeProgress } from '../../src/study/probe-units.js';
import { buildStrategy } from '../../src/local/build.js';
import { disposeNetwork, type Network } from '../../src/networks/network.js';
import { resnetCifar } from '../../src/networks/resnet-cifar.js';
import { randomStream } from '../../src/core/random.js';
import { train } from '../../src/train/trainer.js';
import { startEngine } from '../support/engine.js';

const imageShape = [8, 8, 3] as const;

/** Noise whose contrast is the class: the mean tells nothing, so that a stem must learn to see it. */
function contrasts(size: number, name: string): MemorySplit {
  const random = randomStream(1, name);
  const labels = Uint16Array.from({ length: size }, (_, i) => i % 3);
  const images = Uint8Array.from({ length: size * 192 }, (_, at) => {
    const spread = [8, 40, 120][labels[Math.floor(at / 192)]!]!;
    return 128 + Math.round((random.uniform() * 2 - 1) * spread);
  });
  return { kind: 'memory', size, images, labels };
}

const dataset: Dataset = {
  name: 'contrasts',
  classes: ['low', 'middle', 'high'],
  imageShape,
  mean: [0.5, 0.5, 0.5],
  std: [0.25, 0.25, 0.25],
  train: contrasts(96, 'train'),
  test: contrasts(60, 'test'),
  augmentation: { crop: { kind: 'padded', pad: 0, padMode: 'zero' }, flip: false },
};

let engine: Engine;
let network: Network;
const options = { images: 90, seed: 1, workers: 0 };
beforeAll(async () => {
  engine = await startEngine();
  network = resnetCifar({ layers: 8, classes: 3, imageShape, seed: 1 });
  const strategy = buildStrategy(network, { method: 'bp' });
  const section = { epochs: 3, batchSize: 16, learningRate: 0.05, workers: 0 } as const;
  await train(strategy, dataset, { ...section, seed: 1, engine });
});
afterAll(() => disposeNetwork(network));

test('probes read the classes off every unit, the same each time', async () => {
  const seen: ProbeProgress[] = [];
  const found = await probeUnits(network, dataset, { ...options, onProgress: (each) => seen.push(each) });
  expect(found).toMatchObject({ trainImages: 90, testImages: 60 });
  expect(found.units.map(({ features }) => features)).toEqual([16, 16, 32, 64]);
  // Chance is a third.
  for (const { name, accuracy } of found.units) expect(accuracy, name).toBeGreaterThan(0.7);
  for (const { name, trainAccuracy } of found.units) expect(trainAccuracy, name).toBeGreaterThan(0.7);
  expect([...new Set(seen.map(({ label }) => label))]).toEqual(['features', 'fitting', 'testing']);
  expect(await probeUnits(network, dataset, options)).toEqual(found);
});

test('labels that have nothing to do with the images cannot be read off', async () => {
  const random = randomStream(1, 'labels');
  const shuffled = (split: MemorySplit): MemorySplit => ({
    ...split,
    labels: split.labels.map(() => random.below(3)),
  });
  const [own, test] = [dataset.train as MemorySplit, dataset.test as MemorySplit];
  const noise = { ...dataset, train: shuffled(own), test: shuffled(test) };
  const { units } = await probeUnits(network, noise, options);
  for (const { name, accuracy } of units) expect(accuracy, name).toBeLessThan(0.55);
});

test('a network is like itself, and two of different depth are compared unit by unit', async () => {
  const other = resnetCifar({ layers: 14, classes: 3, imageShape, seed: 2 });
  const itself = await compareUnits(network, network, dataset, options);
  expect(itself).toMatchObject({ images: 60, batchSize: 60 });
  itself.similarity.forEach((row, i) => expect(row[i]).toBeCloseTo(1, 5));
  const { similarity } = await compareUnits(network, other, dataset, options);
  const { similarity: swapped } = await compareUnits(other, network, dataset, options);
  expect(similarity.map((row) => row.length)).toEqual([7, 7, 7, 7]);
  similarity.forEach((row, i) => row.forEach((value, j) => expect(value).toBeCloseTo(swapped[j]![i]!, 5)));
  expect(similarity[3]![6]).toBeLessThan(0.99);
  disposeNetwork(other);
});

test('an aborted signal ends the work', async () => {
  const signal = AbortSignal.abort(new Error('enough'));
  await expect(probeUnits(network, dataset, { ...options, signal })).rejects.toThrow('enough');
  await expect(compareUnits(network, network, dataset, { ...options, signal })).rejects.toThrow('enough');
});

test('memory that does not suffice is told as the probe’s', async () => {
  const [stem, ...others] = network.units;
  const failing = {
    ...stem!,
    layer: {
      ...stem!.layer,
      forward: (): never => {
        throw Object.assign(new Error('conv: out of memory: 99 bytes asked for'), { code: 'OUT_OF_MEMORY' });
      },
    },
  };
  await expect(probeUnits({ ...network, units: [failing, ...others] }, dataset, options)).rejects.toThrow(
    /^probe: conv: out of memory: 99 bytes asked for; take fewer images/,
  );
});
