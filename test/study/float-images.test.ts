import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { parseConfig } from '../../src/config/config.js';
import { registryWith } from '../../src/config/registry.js';
import { randomStream } from '../../src/core/random.js';
import { datasetFromArrays, type DatasetArrays } from '../../src/data/from-arrays.js';
import { datasetInfo } from '../../src/data/info.js';
import { defineDataset } from '../../src/data/kind.js';
import { previewImage } from '../../src/data/preview.js';
import type { Engine } from '../../src/engine/engine.js';
import { compare } from '../../src/runs/compare.js';
import { readRunData } from '../../src/runs/data.js';
import { openExperiment } from '../../src/runs/experiment.js';
import { readMetrics } from '../../src/runs/metrics.js';
import { networkUseOf } from '../../src/runs/network-use.js';
import { resumeRun } from '../../src/runs/resume.js';
import { runExperiment } from '../../src/runs/run.js';
import { openTrainedNetwork, readTrainedFiles, type TrainedRun } from '../../src/runs/trained-network.js';
import { evaluateRun } from '../../src/study/evaluate-run.js';
import { predictFiles } from '../../src/study/predict-files.js';
import { predictImages } from '../../src/study/predict-images.js';
import { numbersOf } from '../support/ranks.js';
import { startEngine } from '../support/engine.js';

let folder: string;
let engine: Engine;
beforeAll(async () => {
  engine = await startEngine();
  folder = mkdtempSync(join(tmpdir(), 'locallearn-floats-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const shape = [6, 10, 2] as const;
const length = 120;

/** Bytes of three classes, brighter in one channel, in both, or in none; not square, and of two channels. */
function bytes(count: number, name: string) {
  const random = randomStream(1, name);
  const labels = Array.from({ length: count }, (_, i) => i % 3);
  const bright = (label: number, channel: number): number => (label === 2 || label === channel ? 80 : 0);
  const images = Uint8Array.from(
    { length: count * length },
    (_, i) => random.below(170) + bright(labels[Math.floor(i / length)]!, i % 2),
  );
  return { images, labels };
}

const arrays = {
  ...{ name: 'waves', classes: ['one', 'other', 'both'], imageShape: shape },
  ...{ train: bytes(40, 'train'), test: bytes(15, 'test') },
} satisfies DatasetArrays;
const normalisation = { mean: [0.4, 0.5], std: [0.2, 0.3] };

type Scaled = (value: number) => number;
const split = ({ images, labels }: typeof arrays.train, scale: Scaled) => ({
  images: Float32Array.from(images, scale),
  labels,
});
const floats = (scale: Scaled, more: Partial<DatasetArrays> = {}): DatasetArrays => ({
  ...arrays,
  ...{ train: split(arrays.train, scale), test: split(arrays.test, scale) },
  ...more,
});

/** An experiment on arrays, which a plugin's data set gives. */
async function experimentOn(given: DatasetArrays, more = '', methods = 'method: { method: dgl, blocks: 2 }') {
  const waves = defineDataset({
    name: 'waves',
    options: z.strictObject({}),
    build: () => ({ read: () => datasetFromArrays(given) }),
  });
  const registry = registryWith([{ file: 'waves.ts', plugin: { datasets: [waves] } }]);
  const text = `
name: floats
engine: ${engine.name}
data: { name: waves${more} }
network: { name: resnet, layers: 8 }
train: { epochs: 2, batchSize: 8, learningRate: 0.05, schedule: constant, workers: 1 }
${methods}
`;
  return openExperiment(parseConfig(text, 'floats.yaml', [], registry), registry);
}

const crop = ', augmentation: { crop: { kind: padded, pad: 2, padMode: zero }, flip: true }';
const plus = ', augmentation: { randAugment: {} }';

async function runOn(given: DatasetArrays, more?: string): Promise<TrainedRun> {
  const experiment = await experimentOn(given, more);
  const { config, registry } = experiment;
  const method = config.method!;
  const finished = await runExperiment(experiment, method, { parent: folder });
  const files = readTrainedFiles(finished.folder);
  return { ...files, config, registry, method, data: readRunData(finished.folder) };
}

const epochsOf = (run: TrainedRun): object[] => numbersOf(readMetrics(join(run.folder, 'metrics.csv')));

describe('floating-point images', () => {
  it('train, cropped and flipped, as the bytes that they stand for, to the same bits', async () => {
    const ofBytes = await runOn({ ...arrays, ...normalisation }, crop);
    const ofFloats = await runOn(
      floats((value) => value / 255, normalisation),
      crop,
    );
    expect(epochsOf(ofFloats)).toEqual(epochsOf(ofBytes));
    expect([...ofFloats.weights.tensors]).toEqual([...ofBytes.weights.tensors]);
  });

  it('go on, evaluate and predict, as they are; other values and other kinds are refused', async () => {
    const signed = (value: number): number => (value - 120) / 40;
    const run = await runOn(floats(signed));
    const evaluation = await evaluateRun(run, { engine: engine.name, on: 'test' });
    const last = readMetrics(join(run.folder, 'metrics.csv')).at(-1)!;
    expect(evaluation.accuracy).toBe(last.evaluationAccuracy);
    expect(evaluation.loss).toBeCloseTo(last.evaluationLoss, 5);

    const use = networkUseOf(run.weights.metadata, run.weightsPath);
    expect(use).toMatchObject({ values: 'floats', mean: [0, 0], std: [1, 1] });
    const { network, dispose } = openTrainedNetwork(run, use);
    const trained = { network, use, method: 'dgl', dispose };
    const { images, labels } = split(arrays.test, signed);
    const answers = predictImages(trained, images);
    const right = answers.filter(([first], i) => first!.name === arrays.classes[labels[i]!]).length;
    expect(right / labels.length).toBe(evaluation.accuracy);
    expect(() => predictImages(trained, arrays.test.images)).toThrow(
      'the network was trained on images of floating-point numbers, and those to predict are bytes',
    );
    for (const top of [0, -1, NaN, 1.5])
      expect(() => predictImages(trained, images, top)).toThrow(/^predictImages: top: must be /);
    expect(() => predictImages(trained, [1, 2] as never)).toThrow(
      'predictImages: images: must be a Uint8Array, pixel values 0 to 255, or a Float32Array',
    );
    expect(() => predictImages(run as never, images)).toThrow(/^predictImages: trained\.network: missing/);
    expect(() => predictImages(trained, images.subarray(1))).toThrow(/1799 values are no number of images/);
    expect(() =>
      predictImages(
        trained,
        images.map((_, i) => (i === 121 ? NaN : 0)),
      ),
    ).toThrow('predictImages: images: image 1: value 1 is NaN, and must be a finite number');
    await expect(predictFiles(trained, ['x.png'], { top: 1, workers: 0 }).next()).rejects.toThrow(
      'the network was trained on images of floating-point numbers, and image files hold bytes',
    );
    dispose();

    const other = await experimentOn(floats((value) => signed(value) * 1.001));
    await expect(resumeRun(other, run.folder, {})).rejects.toThrow(
      /of other data than is here now: train: other pixel values of the same labels; test: other pixel values/,
    );
    expect((await resumeRun(await experimentOn(floats(signed)), run.folder, {})).result?.epochs).toBe(2);
  });

  it('are refused before anything is trained where a loss rebuilds images that are no pictures', async () => {
    const parent = join(folder, 'no-pictures');
    const odd = { ...arrays.train, images: Float32Array.from(arrays.train.images, (value) => value / 255) };
    odd.images[odd.images.length - 1] = 1.5;
    const given = { ...floats((value) => value / 255), train: odd };
    const experiment = await experimentOn(given, '', 'method: { method: infopro, blocks: 2 }');
    await expect(runExperiment(experiment, experiment.config.method!, { parent })).rejects.toThrow(
      'a loss rebuilds the images, which must be from 0 to 1 for that, and there is 1.5 among them',
    );
    expect(existsSync(parent)).toBe(false);
  });

  it('that are far from 0 are to blame for what becomes of the numbers', async () => {
    const far = await experimentOn(floats((value) => value * 1e30));
    const parent = join(folder, 'far');
    await expect(runExperiment(far, far.config.method!, { parent })).rejects.toThrow(
      /^epoch 1.* became (NaN|Infinity).*: the images of waves, normalised, go up to \d\.\d+e\+32, where a few are usual: give the mean and std of their values, or scale them$/,
    );
  });

  it('are compared with what was trained on the same values alone', async () => {
    const methods = 'methods: [{ method: greedy, blocks: 2 }]\nbaselines: [bp]';
    const parent = join(folder, 'compared');
    const here = await experimentOn(floats(Number), '', methods);
    const { results } = await compare(here, { parent });
    expect(results.map(({ label }) => label)).toEqual(['bp', 'greedy']);
    const elsewhere = { parent: join(folder, 'again'), from: [parent] };
    expect((await compare(here, elsewhere)).results).toHaveLength(2);
    const other = await experimentOn(
      floats((value) => value + 1),
      '',
      methods,
    );
    await expect(compare(other, elsewhere)).rejects.toThrow(/other pixel values of the same labels/);
  });

  it('are refused before there is a run folder where an augmentation is of bytes', async () => {
    const experiment = await experimentOn(floats(Number), plus);
    const parent = join(folder, 'none');
    await expect(runExperiment(experiment, experiment.config.method!, { parent })).rejects.toThrow(
      'augmentation: colour jitter and RandAugment are for bytes, 0 to 255, and these images are floating-point numbers',
    );
    expect(() => readTrainedFiles(parent)).toThrow();
  });

  it('are measured in double precision, far from 0 too, and not drawn', async () => {
    const far = datasetFromArrays(floats((value) => 1e4 + value / 16, { mean: [1e4, 1e4] }));
    const { measured } = await datasetInfo(far, { images: 1e9, seed: 1, workers: 0 });
    for (const c of [0, 1]) {
      const values = [...arrays.train.images].filter((_, i) => i % 2 === c).map((value) => 1e4 + value / 16);
      const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
      const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
      expect(measured.mean[c]).toBeCloseTo(mean, 9);
      expect(measured.std[c]).toBeCloseTo(Math.sqrt(variance), 9);
    }
    await expect(previewImage(far, { images: 4, seed: 1, augment: false })).rejects.toThrow(
      'waves: images of floating-point numbers cannot be drawn: a preview is of bytes with 1 or 3 channels',
    );
  });

  it('that a loss rebuilds have to be from 0 to 1', async () => {
    const infopro = 'method: { method: infopro, blocks: 2 }';
    const inside = await experimentOn(
      floats((value) => value / 255),
      '',
      infopro,
    );
    const { result } = await runExperiment(inside, inside.config.method!, { parent: folder });
    expect(result?.epochs).toBe(2);
    const outside = await experimentOn(
      floats((value) => value / 100),
      '',
      infopro,
    );
    await expect(runExperiment(outside, outside.config.method!, { parent: folder })).rejects.toThrow(
      /a loss rebuilds the images, which must be from 0 to 1 for that, and there is [12]\.\d+ among them/,
    );
  });
});
