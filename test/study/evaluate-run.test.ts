import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { loadConfig } from '../../src/config/config.js';
import { builtInRegistry, registryWith } from '../../src/config/registry.js';
import type { MetricKind } from '../../src/train/metric.js';
import type { Dataset } from '../../src/data/dataset.js';
import type { Engine } from '../../src/engine/engine.js';
import { exportRun } from '../../src/runs/export.js';
import { readMetrics } from '../../src/runs/metrics.js';
import { readRunSummary } from '../../src/runs/summary.js';
import { runExperiment } from '../../src/runs/run.js';
import { readTrainedRun } from '../../src/runs/trained-network.js';
import { chooseWeights } from '../../src/runs/which-weights.js';
import { bestEpoch } from '../../src/runs/best-epoch.js';
import { evaluateRun } from '../../src/study/evaluate-run.js';
import { confusionCsv, evaluationTable } from '../../src/study/evaluation-output.js';
import { startEngine } from '../support/engine.js';
import { edgeClasses, edges, edgesShape } from '../support/edges.js';
import { readSafetensors } from '../../src/formats/safetensors.js';

let folder: string;
let engine: Engine;
/** The images of `edges`, as files. */
let data: string;
beforeAll(async () => {
  engine = await startEngine();
  folder = mkdtempSync(join(tmpdir(), 'locallearn-evaluate-run-'));
  const images = join(folder, 'images');
  for (const split of ['train', 'test'] as const) await writeImages(join(images, split), edges()[split]);
  data = `{ name: folder, dir: ${JSON.stringify(images)} }`;
});
afterAll(() => rmSync(folder, { recursive: true }));

async function writeImages(to: string, split: Dataset['test'], names: readonly string[] = edgeClasses) {
  if (split.kind !== 'memory') throw new Error('no images in memory');
  const [height, width, channels] = edgesShape;
  const pixels = height * width * channels;
  for (let i = 0; i < split.size; i++) {
    const into = join(to, names[split.labels[i]!]!);
    mkdirSync(into, { recursive: true });
    const raw = { height, width, channels };
    await sharp(split.images.slice(i * pixels, (i + 1) * pixels), { raw }).toFile(join(into, `${i}.png`));
  }
}

async function runOf(more: string, registry = builtInRegistry): Promise<string> {
  const path = join(folder, 'config.yaml');
  writeFileSync(
    path,
    `
name: evaluated
data: { name: fashion-mnist }
network: { name: resnet, layers: 8 }
train: { epochs: 4, batchSize: 16, learningRate: 0.05, schedule: constant, keep: 1${more} }
method: { method: bp }
`,
  );
  const experiment = { ...(await loadConfig(path)), registry, engine, dataset: edges() };
  return (await runExperiment(experiment, experiment.config.method!, { parent: folder })).folder;
}

it('comes to the same bits captured and as it is', async () => {
  const run = await readTrainedRun(await runOf(''));
  const { config } = run;
  const as = async (captureSteps: boolean) => {
    const changed = { ...run, config: { ...config, train: { ...config.train, batchSize: 4, captureSteps } } };
    return evaluateRun(changed, { engine: engine.name, on: 'test', data });
  };
  expect(await as(true)).toEqual(await as(false));
});

it.each(['', ', ema: { decay: 0.5 }'])(
  'the last and the best weights of a run have on other files of the same images the loss that training saw%s',
  async (more) => {
    const path = await runOf(more);
    const epochs = readMetrics(join(path, 'metrics.csv'));
    const best = bestEpoch(epochs)!;
    // What this is about.
    expect(best).toBeLessThan(epochs.length);
    const run = await readTrainedRun(path);
    const options = { engine: engine.name, on: 'test', data } as const;
    const { counts } = await evaluateRun(run, options);
    expect(readRunSummary(join(path, 'summary.json')).byClass).toEqual({
      ...{ classes: edgeClasses, counts },
      images: counts.map((row) => row.reduce((sum, each) => sum + each, 0)),
      accuracy: counts.map((row, i) => row[i]! / row.reduce((sum, each) => sum + each, 0)),
    });
    expect(readFileSync(join(path, 'log.jsonl'), 'utf8')).not.toContain('byClass');
    for (const [which, epoch] of [
      [undefined, epochs.length],
      ['best', best],
    ] as const) {
      const evaluation = await evaluateRun(chooseWeights(run, which), options);
      expect(evaluation.loss).toBeCloseTo(epochs[epoch - 1]!.evaluationLoss, 5);
      expect(evaluation.accuracy).toBe(epochs[epoch - 1]!.evaluationAccuracy);
      expect(evaluation).toMatchObject({
        images: 32,
        classes: edgeClasses,
        data: expect.any(String) as string,
      });
      expect(evaluation.bestEpoch).toBe(which && best);
      expect(evaluation.weights).toBe(more === '' ? undefined : 'averaged');
    }
    const file = join(folder, 'best.safetensors');
    await exportRun(path, 'safetensors', file, 'best');
    expect(readSafetensors(file).metadata['epoch']).toBe(String(best));
    rmSync(join(path, 'checkpoints'), { recursive: true });
    expect(() => chooseWeights(run, 'best')).toThrow(
      `there is no checkpoint of epoch ${best}, the best one: it was removed, or is of an older version`,
    );
  },
);

it('computes the metrics that plugins of the run add, as training did, for the table, CSV and JSON', async () => {
  const margin: MetricKind = {
    name: 'margin',
    start() {
      let [sum, images] = [0, 0];
      return {
        add(logits, label) {
          sum += logits[label]! - Math.max(...logits.filter((_, i) => i !== label));
          images++;
        },
        total: () => sum / images,
      };
    },
  };
  const registry = registryWith([{ file: 'margin.ts', plugin: { metrics: [margin] } }]);
  const run = { ...(await readTrainedRun(await runOf('', registry))), registry };
  const evaluation = await evaluateRun(run, { engine: engine.name, on: 'test', data });
  const { metrics } = readMetrics(join(run.folder, 'metrics.csv')).at(-1)!;
  expect(evaluation.metrics).toEqual({ margin: expect.closeTo(metrics!['margin']!, 5) as number });
  expect(evaluationTable(evaluation)).toMatch(/^bp on 32 test images.*: accuracy .*, loss \S+, margin -?\d/);
  expect(confusionCsv(evaluation).trimEnd().split('\n').at(-1)).toBe(
    `metric:margin,${evaluation.metrics!['margin']},,,`,
  );
});

it('refuses other data of other classes by name, and tells which classes it lacks', async () => {
  const run = await readTrainedRun(await runOf(''));
  const { test } = edges();
  const notes: string[] = [];
  const on = async (dir: string, names: readonly string[], more = '') => {
    await writeImages(join(folder, dir), test, names);
    return evaluateRun(run, {
      ...{ engine: engine.name, on: 'train', onNotice: (note: string) => notes.push(note) },
      data: `{ name: folder, dir: ${JSON.stringify(join(folder, dir))}${more} }`,
    });
  };
  await expect(on('unknown', ['left', 'right', 'above', 'bottom'])).rejects.toThrow(
    /^--data: folder .*unknown has classes that the network does not know: above; it was trained on left, right, top, bottom$/,
  );
  // Without a test split, and with all of one class under another name.
  const { images, counts } = await on('some', ['left', 'right', 'left', 'right']);
  expect(images).toBe(32);
  expect(counts.map((row) => row.reduce((sum, count) => sum + count))).toEqual([16, 16, 0, 0]);
  expect(notes).toEqual([expect.stringMatching(/^folder .*some has no images of top, bottom$/)]);
  await expect(on('large', edgeClasses, ', imageSize: 16')).rejects.toThrow(
    /^--data: images of folder .*large are 16×16×1, and the network was trained on 12×12×1$/,
  );
  const options = { engine: engine.name, on: 'test' } as const;
  await expect(evaluateRun(run, { ...options, data: '{ name: folder, dri: x }' })).rejects.toThrow(
    /^--data: dri: unknown key \(did you mean "dir"\?\)/m,
  );
});
