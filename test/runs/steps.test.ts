import { appendFileSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { loadConfig } from '../../src/config/config.js';
import type { Engine } from '../../src/engine/engine.js';
import { readMetrics } from '../../src/runs/metrics.js';
import { resumeRun } from '../../src/runs/resume.js';
import { runExperiment } from '../../src/runs/run.js';
import { readSteps } from '../../src/runs/steps.js';
import { refuseMetricsOnRanks } from '../../src/train/metric.js';
import { checkShares } from '../../src/train/over-ranks.js';
import { startEngine } from '../support/engine.js';
import { edges } from '../support/edges.js';
import { readPoints } from './tensorboard/reader.js';

let folder: string;
let engine: Engine;
beforeAll(async () => {
  engine = await startEngine();
  folder = mkdtempSync(join(tmpdir(), 'locallearn-steps-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** Four steps an epoch. */
async function experimentOf(more: string) {
  const path = join(folder, 'config.yaml');
  writeFileSync(
    path,
    `
name: steps
data: { name: fashion-mnist }
network: { name: resnet, layers: 8 }
train: { epochs: 2, batchSize: 16, learningRate: 0.05, schedule: cosine-steps${more} }
method: { method: dgl, blocks: 2 }
`,
  );
  return { ...(await loadConfig(path)), engine, dataset: edges() };
}

/** Without what depends on time. */
const rowsOf = (run: string) =>
  readSteps(join(run, 'steps.csv')).map(({ imagesPerSecond, ...rest }) => {
    expect(imagesPerSecond).toBeGreaterThan(0);
    return rest;
  });

const eventsOf = (path: string): string[] =>
  readdirSync(path)
    .filter((name) => name.startsWith('events'))
    .sort()
    .map((name) => join(path, name));

it('a run has a row of its losses every so many steps, the same where it was killed and resumed', async () => {
  const experiment = await experimentOf(', logEvery: 1');
  const method = experiment.config.method!;
  const straight = await runExperiment(experiment, method, { parent: folder, tensorboard: true });
  const rows = rowsOf(straight.folder);
  expect(rows.map(({ epoch, step, runStep }) => [epoch, step, runStep])).toEqual(
    Array.from({ length: 8 }, (_, i) => [1 + Math.floor(i / 4), 1 + (i % 4), 1 + i]),
  );
  expect(rows[0]!.learningRate).toBe(0.05);
  // All batches are of one size, so the epoch's losses are the means of its steps'.
  const [first] = readMetrics(join(straight.folder, 'metrics.csv'));
  for (const [update, loss] of Object.entries(first!.updateLosses)) {
    const own = rows.slice(0, 4).map(({ updateLosses }) => updateLosses[update]!);
    expect(own.reduce((sum, each) => sum + each) / 4).toBeCloseTo(loss, 12);
  }

  const controller = new AbortController();
  const observer = {
    ...{ start: () => {}, end: () => {}, note: () => {} },
    event: (event: { type: string; metrics?: unknown }) => {
      const metrics = event.type === 'step-metrics' ? (event.metrics as { runStep: number }) : undefined;
      if (metrics?.runStep === 6) controller.abort();
    },
  };
  const { signal } = controller;
  const stopped = await runExperiment(experiment, method, { parent: folder, signal, observer });
  expect(rowsOf(stopped.folder)).toEqual(rows.slice(0, 6));
  // As a kill leaves it: steps after the checkpoint, and half a line.
  const file = join(stopped.folder, 'steps.csv');
  appendFileSync(file, `2,3,7,0.01,100,9,9\n2,4,8,0.0`);
  await resumeRun(experiment, stopped.folder, { tensorboard: true });
  expect(rowsOf(stopped.folder)).toEqual(rows);

  const [own, resumed] = [straight, stopped].map(({ folder: run }) =>
    readPoints(eventsOf(join(run, 'steps'))),
  );
  const name = Object.keys(rows[0]!.updateLosses)[0]!;
  const points = rows.map((row) => [row.runStep, Math.fround(row.updateLosses[name]!)]);
  expect(own!.get(`step_loss/${name}`)).toEqual(points);
  // Those before TensorBoard was asked for, too.
  expect(resumed!.get(`step_loss/${name}`)).toEqual(points);
  // Epochs have theirs for themselves.
  expect(readPoints(eventsOf(straight.folder)).has(`step_loss/${name}`)).toBe(false);
});

it('steps count through epochs, and are not told unless it is asked for', async () => {
  const experiment = await experimentOf(', logEvery: 3');
  const { folder: run } = await runExperiment(experiment, experiment.config.method!, { parent: folder });
  expect(rowsOf(run).map(({ epoch, step }) => [epoch, step])).toEqual([
    [1, 3],
    [2, 2],
  ]);
  const plain = await experimentOf('');
  const other = await runExperiment(plain, plain.config.method!, { parent: folder });
  expect(readdirSync(other.folder)).not.toContain('steps.csv');
});

it('steps and metrics are refused where no process sees the whole', () => {
  const section = { batchSize: 16, lastBatch: 'keep', mixup: 0, logEvery: 2 } as const;
  expect(() => checkShares(section, edges(), 2)).toThrow(/^train\.logEvery: is not for several ranks/);
  const metric = { name: 'mine', start: () => ({ add: () => {}, total: () => 0 }) };
  expect(() => refuseMetricsOnRanks([metric])).toThrow(/^metric "mine": is not for several ranks/);
  expect(() => refuseMetricsOnRanks([])).not.toThrow();
});

it('a file of steps that is none is named', () => {
  const file = join(folder, 'steps.csv');
  writeFileSync(file, 'epoch,step\n1,2\n');
  expect(() => readSteps(file)).toThrow(`${file}: not a file of steps: the column "runStep" is missing`);
  writeFileSync(file, 'epoch,step,runStep,learningRate,imagesPerSecond\n1,1,1,0.1,10\n');
  expect(() => readSteps(file)).toThrow(
    `${file}: not a file of steps: behind "imagesPerSecond" must be columns "loss:…"`,
  );
  writeFileSync(file, 'epoch,step,runStep,learningRate,imagesPerSecond,loss:a\n1,1,1,0.1,5,x\n');
  expect(() => readSteps(file)).toThrow(`${file}: row 1: "x" is not a number for the column "loss:a"`);
});
