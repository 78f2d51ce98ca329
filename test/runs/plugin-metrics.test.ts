import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { builtInRegistry, registryWith } from '../../src/config/registry.js';
import { pluginSchema, type Plugin } from '../../src/config/plugin.js';
import { z } from 'zod';
import type { Engine } from '../../src/engine/engine.js';
import { buildStrategy } from '../../src/local/build.js';
import { disposeNetwork } from '../../src/networks/network.js';
import { resnetCifar } from '../../src/networks/resnet-cifar.js';
import { parseConfig } from '../../src/config/config.js';
import { readMetrics } from '../../src/runs/metrics.js';
import { resumeRun } from '../../src/runs/resume.js';
import { runExperiment } from '../../src/runs/run.js';
import { readRunSummary } from '../../src/runs/summary.js';
import { costTable, csvTable } from '../../src/runs/table.js';
import { defineSchedule } from '../../src/train/schedules.js';
import type { MetricKind } from '../../src/train/metric.js';
import { sgd, papersSgd } from '../../src/train/sgd.js';
import type { TrainOptions } from '../../src/train/context.js';
import { train } from '../../src/train/trainer.js';
import { startEngine } from '../support/engine.js';
import { edgeClasses, edges, edgesShape } from '../support/edges.js';

let folder: string;
let engine: Engine;
beforeAll(async () => {
  engine = await startEngine();
  folder = mkdtempSync(join(tmpdir(), 'locallearn-metrics-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** 1 − accuracy: what the run itself can be asked for. */
const errorRate: MetricKind = {
  name: 'error',
  start(classes) {
    let [wrong, all] = [0, 0];
    return {
      add(logits, label) {
        expect(logits).toHaveLength(classes);
        all++;
        if (logits.indexOf(Math.max(...logits)) !== label) wrong++;
      },
      total: () => wrong / all,
    };
  },
};
const halves = defineSchedule({
  name: 'halves',
  options: z.strictObject({ every: z.int().min(1) }),
  build:
    ({ every }) =>
    ({ epoch }) =>
      0.5 ** Math.floor((epoch - 1) / every),
});

function experimentWith(plugin: Plugin, epochs: number, schedule: string) {
  const registry = registryWith([{ file: 'mine.ts', plugin }]);
  const config = parseConfig(
    `
name: metrics
data: { name: fashion-mnist }
network: { name: resnet, layers: 8 }
train: { epochs: ${epochs}, batchSize: 16, learningRate: 0.05, schedule: ${schedule} }
method: { method: dgl, blocks: 2 }
`,
    'metrics.yaml',
    [],
    registry,
  );
  return { config, registry, engine, dataset: edges() };
}

describe('of a plugin', () => {
  it('a metric is in metrics.csv, summary and tables, and a schedule drives the run, a resumed and longer one too', async () => {
    const plugin = { metrics: [errorRate], schedules: [halves] };
    const experiment = experimentWith(plugin, 2, '{ name: halves, every: 1 }');
    const method = experiment.config.method!;
    const { folder: run } = await runExperiment(experiment, method, { parent: folder });
    const longer = experimentWith(plugin, 3, '{ name: halves, every: 1 }');
    const { result } = await resumeRun(longer, run, {});
    const epochs = readMetrics(join(run, 'metrics.csv'));
    expect(epochs.map(({ learningRate }) => learningRate)).toEqual([0.05, 0.025, 0.0125]);
    for (const { metrics, evaluationAccuracy } of epochs) {
      expect(metrics).toEqual({ error: expect.closeTo(1 - evaluationAccuracy, 12) as number });
    }
    const summary = readRunSummary(join(run, 'summary.json'));
    expect(summary.metrics).toEqual(epochs.at(-1)!.metrics);
    expect(summary.bestMetrics).toEqual(epochs[summary.bestEpoch! - 1]!.metrics);
    const { header, rows } = costTable([result!]);
    expect(Number(rows[0]![header.indexOf('error')])).toBeCloseTo(epochs.at(-1)!.metrics!['error']!, 3);
    expect(csvTable([result!]).split('\n')[0]).toContain('metric:error');
    // Other rates in epochs that are done.
    const other = experimentWith(plugin, 4, '{ name: halves, every: 2 }');
    await expect(resumeRun(other, run, {})).rejects.toThrow(/train\.schedule\.every: 1 there, 2 here/);
  });

  it('what is no metric or no schedule is told with the file', async () => {
    const start = () => ({ add: () => {}, total: () => Number.NaN });
    const bad = experimentWith({ metrics: [{ name: 'bad', start }] }, 1, 'constant');
    await expect(runExperiment(bad, bad.config.method!, { parent: folder })).rejects.toThrow(
      /^mine\.ts: metric "bad": total must return a finite number \(must be a number, not NaN\)/,
    );
    const none = { name: 'none', start: () => ({}) } as unknown as MetricKind;
    const empty = experimentWith({ metrics: [none] }, 1, 'constant');
    await expect(runExperiment(empty, empty.config.method!, { parent: folder })).rejects.toThrow(
      /^mine\.ts: metric "none": start must return a tally \{ add, total \}/,
    );
    const negative = defineSchedule({ name: 'negative', options: z.strictObject({}), build: () => () => -1 });
    const wrong = experimentWith({ schedules: [negative] }, 1, 'negative');
    await expect(runExperiment(wrong, wrong.config.method!, { parent: folder })).rejects.toThrow(
      /^\/.*plugin-metrics\.test\.ts:\d+: schedule "negative": build must return a function that gives a share of the learning rate/,
    );
  });

  it('has the form that files are checked by', () => {
    const plugin = { metrics: [errorRate], schedules: [halves] };
    expect(pluginSchema.parse(plugin)).toEqual(plugin);
    expect(() => pluginSchema.parse({ metrics: [{ name: 'bad name', start: () => {} }] })).toThrow();
    expect(builtInRegistry.metrics).toEqual([]);
  });
});

it('train takes an optimiser, a schedule and metrics as they are, to the same numbers as by name', async () => {
  const trained = async (options: Pick<TrainOptions, 'optimizer' | 'schedule' | 'metrics'>) => {
    const network = resnetCifar({ layers: 8, classes: edgeClasses.length, imageShape: edgesShape, seed: 1 });
    const strategy = buildStrategy(network, { method: 'dgl', blocks: 2 });
    const { epochs } = await train(strategy, edges(), {
      ...{ epochs: 2, batchSize: 16, learningRate: 0.05, seed: 1, engine },
      ...options,
    });
    strategy.dispose();
    disposeNetwork(network);
    return epochs;
  };
  const named = await trained({ schedule: { name: 'steps', at: [1], factor: 0.5 } });
  const made = await trained({
    optimizer: sgd(papersSgd),
    schedule: ({ epoch }) => 0.5 ** (epoch - 1),
    metrics: [errorRate],
  });
  expect(made.map(({ trainLoss }) => trainLoss)).toEqual(named.map(({ trainLoss }) => trainLoss));
  expect(made.map(({ learningRate }) => learningRate)).toEqual([0.05, 0.025]);
  expect(made[1]!.metrics!['error']).toBeCloseTo(1 - made[1]!.evaluationAccuracy, 12);
  expect(named[1]!.metrics).toBeUndefined();
});
