import tf = require('@tensorflow/tfjs');
import { beforeAll, describe, expect, test } from 'vitest';
import type { Dataset, ImageBatch } from '../../src/data/dataset.js';
import { evaluationMode } from '../../src/engine/fused/ops.js';
import { UserError } from '../../src/core/errors.js';
import { createBatch } from '../../src/local/batch.js';
import { disposeNetwork, networkForward, networkState, unitsForward } from '../../src/networks/network.js';
import { resnetCifar } from '../../src/networks/resnet-cifar.js';
import { randomStream } from '../../src/core/random.js';
import { byClassOf, tallyByClass } from '../../src/train/by-class.js';
import { evaluateUpdates } from '../../src/train/evaluate-updates.js';
import { evaluate } from '../../src/train/evaluate.js';
import { startEngine } from '../support/engine.js';
import { sampleOf } from '../support/fuzz.js';
import { tinyBatch, tinyClasses, tinyMethods, tinyRun, tinyShape, titleOf } from '../support/tiny.js';

const random = randomStream(1, 'evaluate');
const [height, width, channels] = tinyShape;
const batches: ImageBatch[] = [6, 3].map((size) => ({
  size,
  images: Uint8Array.from({ length: size * height * width * channels }, () => random.below(256)),
  labels: Uint16Array.from({ length: size }, () => random.below(tinyClasses)),
  skipped: [],
}));
const nothing = { kind: 'memory', size: 0, images: new Uint8Array(), labels: new Uint16Array() } as const;
const dataset: Dataset = {
  name: 'noise',
  classes: ['a', 'b', 'c', 'd'],
  imageShape: tinyShape,
  mean: [0.5, 0.5, 0.5],
  std: [0.25, 0.25, 0.25],
  train: nothing,
  test: nothing,
  augmentation: { crop: { kind: 'padded', pad: 0, padMode: 'zero' }, flip: false },
};
// eslint-disable-next-line @typescript-eslint/require-await -- as the loader's
async function* given(): AsyncGenerator<ImageBatch> {
  yield* batches;
}

/** The share of images whose greatest logit is their label's, counted in plain numbers. */
function accuracyOf(logits: (images: tf.Tensor4D) => tf.Tensor2D): number {
  let hits = 0;
  tf.tidy(() => {
    for (const { images, labels } of batches) {
      const rows = logits(createBatch(images, labels, tinyShape, tinyClasses, dataset).images).arraySync();
      rows.forEach((row, i) => (hits += row.indexOf(Math.max(...row)) === labels[i] ? 1 : 0));
    }
  });
  return hits / 9;
}

beforeAll(async () => void (await startEngine()));

/** The ramps of MAN's and HPFF's code end at 0: the last auxiliary net's loss is weighted with it. MAN++'s stem contrasts. */
const unclassified: Readonly<Record<string, readonly string[]>> = {
  'infopro, blocks 3, loss contrast': ['block 1', 'block 2'],
  'man, blocks 3, auxiliary 1c2f': ['block 2'],
  'man, blocks 3, auxiliary 0c2f, loss contrast': ['block 1', 'block 2'],
  'hpff, blocks 4, auxiliary 1c1f': ['cascade 2–3'],
  'hpff, blocks 3, fusion whole, loss contrast': ['cascade 1–2', 'block 2'],
  'hpff, blocks 3, fusion patch-sum, independentWeight 0': ['cascade 1–2'],
  'man-plus, blocks 5, auxiliary 1c2f': ['block 1', 'block 5'],
};

describe.each(sampleOf(tinyMethods, 4).map((options) => [titleOf(options), options] as const))(
  '%s',
  (title, options) => {
    const run = tinyRun(options);
    const { network, updates } = run.strategy;

    test('has a classifier in each local update, but for contrasts and where it is weighted with 0', () => {
      const without = updates.filter(({ name, classifier }) => name !== 'head' && classifier === undefined);
      expect(without.map(({ name }) => name)).toEqual(unclassified[title] ?? []);
    });

    test('each is as accurate as its logits on the features after its unit, and evaluation changes nothing', async () => {
      tf.tidy(() => void run.step(tinyBatch(8, 'evaluate')));
      const everything = [...networkState(network), ...run.strategy.auxiliary];
      const values = (): number[][] => everything.map(({ variable }) => [...variable.dataSync()]);
      const before = values();
      const tensors = tf.memory().numTensors;
      const evaluation = await evaluateUpdates(run.strategy, dataset, given());
      expect(tf.memory().numTensors).toBe(tensors);
      expect(values()).toEqual(before);

      const expected = updates.flatMap(({ name, classifier }) => {
        if (name === 'head') return [[name, accuracyOf((x) => networkForward(network, x, evaluationMode))]];
        if (classifier === undefined) return [];
        const end = network.units.findIndex((unit) => unit.name === classifier.after) + 1;
        const features = (x: tf.Tensor4D): tf.Tensor4D =>
          unitsForward(network.units.slice(0, end), x, x, evaluationMode);
        return [[name, accuracyOf((x) => classifier.logits(features(x)))]];
      });
      expect(evaluation!.updateAccuracies).toEqual(Object.fromEntries(expected));
      expect(evaluation!.accuracy).toBe(evaluation!.updateAccuracies['head']);
      run.dispose();
    });
  },
);

test('a loss that is weighted with 0 has no accuracy', () => {
  const run = tinyRun({ method: 'infopro', blocks: 3, classification: [0, 0.5] });
  const classifying = run.strategy.updates.map(({ classifier }) => classifier?.after);
  expect(classifying[0]).toBeUndefined();
  expect(classifying[1]).toBe(run.strategy.partition[1]!.at(-1));
  run.dispose();
});

test('a classifier after a unit that is not there is refused', async () => {
  const run = tinyRun({ method: 'bp' });
  const classifier = { after: 'layer9.9', logits: (x: tf.Tensor4D) => x as unknown as tf.Tensor2D };
  const evaluation = evaluate(run.network, dataset, given(), { classifiers: [classifier] });
  await expect(evaluation).rejects.toThrow(UserError);
  await expect(evaluation).rejects.toThrow("after 'layer9.9', which is no unit of resnet-14");
  run.dispose();
});

test('top-5 accuracy is told of 100 classes and more', async () => {
  const few = tinyRun({ method: 'bp' });
  expect(await evaluate(few.network, dataset, given())).not.toHaveProperty('top5');
  few.dispose();

  const classes = Array.from({ length: 100 }, (_, i) => String(i));
  const network = resnetCifar({ layers: 8, classes: 100, imageShape: tinyShape, seed: 1 });
  const many = { ...dataset, classes };
  // Some labels are the likeliest, the fifth and the sixth; of equal logits the lower classes come first.
  const { images } = batches[0]!;
  const size = 6;
  const logits = tf.tidy(() => {
    const labels = new Uint16Array(size);
    const batch = createBatch(images, labels, tinyShape, 100, many);
    return networkForward(network, batch.images, evaluationMode).arraySync();
  });
  const ranked = (i: number, rank: number): number =>
    [...logits[i]!.keys()].sort((a, b) => logits[i]![b]! - logits[i]![a]!)[rank]!;
  const labels = Uint16Array.from([0, 4, 5, 99, 1, 6], (rank, i) => ranked(i, rank));
  // eslint-disable-next-line @typescript-eslint/require-await -- as the loader's
  async function* one(): AsyncGenerator<ImageBatch> {
    yield { size, images, labels, skipped: [] };
  }
  const tensors = tf.memory().numTensors;
  const evaluation = await evaluate(network, many, one());
  expect([evaluation!.accuracy, evaluation!.top5]).toEqual([1 / 6, 3 / 6]);
  expect(tf.memory().numTensors).toBe(tensors);

  // All logits the same: the first five classes are the likeliest.
  for (const { variable } of network.head.parameters) {
    const zeros = tf.zerosLike(variable);
    variable.assign(zeros);
    zeros.dispose();
  }
  // eslint-disable-next-line @typescript-eslint/require-await -- as the loader's
  async function* equal(): AsyncGenerator<ImageBatch> {
    yield { size, images, labels: Uint16Array.of(0, 3, 4, 5, 50, 99), skipped: [] };
  }
  expect(await evaluate(network, many, equal())).toMatchObject({ accuracy: 1 / 6, top5: 3 / 6 });
  disposeNetwork(network);
});

test('what the images of each class are taken for is counted, and added up over ranks', async () => {
  const run = tinyRun({ method: 'bp' });
  const { network } = run;
  const counts = Array.from({ length: tinyClasses }, () => new Array<number>(tinyClasses).fill(0));
  tf.tidy(() => {
    for (const { images, labels } of batches) {
      const batch = createBatch(images, labels, tinyShape, tinyClasses, dataset);
      const rows = (networkForward(network, batch.images, evaluationMode) as tf.Tensor2D).arraySync();
      rows.forEach((row, i) => counts[labels[i]!]![row.indexOf(Math.max(...row))]!++);
    }
  });
  const sum = (row: readonly number[]): number => row.reduce((all, each) => all + each, 0);
  const own = { images: counts.map(sum), correct: counts.map((row, i) => row[i]!), counts };
  const evaluation = (await evaluate(network, dataset, given()))!;
  expect(evaluation.byClass).toEqual(own);
  expect(evaluation.accuracy).toBe(sum(own.correct) / 9);
  const twice = (numbers: readonly number[]) => Promise.resolve(numbers.map((each) => 2 * each));
  const both = (await evaluate(network, dataset, given(), { addUp: twice }))!;
  expect(both.byClass.counts).toEqual(counts.map((row) => row.map((each) => 2 * each)));
  expect(both.accuracy).toBe(evaluation.accuracy);
  run.dispose();
});

test('of many classes only how many of each are right is kept', () => {
  const tally = tallyByClass(101);
  for (const [label, answer] of [
    [0, 0],
    [0, 100],
    [100, 100],
  ] as const)
    tally.add(label, answer);
  const { images, correct, counts } = byClassOf(101, tally.numbers);
  expect([images[0], images[1], images[100]]).toEqual([2, 0, 1]);
  expect([correct[0], correct[1], correct[100]]).toEqual([1, 0, 1]);
  expect(counts).toBeUndefined();
});
