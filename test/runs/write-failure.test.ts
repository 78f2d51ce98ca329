import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, expect, it, vi } from 'vitest';
import { parseConfig } from '../../src/config/config.js';
import { readMetrics } from '../../src/runs/metrics.js';
import { writeProbe } from '../../src/study/probe-file.js';
import { writeSimilarity } from '../../src/study/similarity-file.js';
import { resumeRun } from '../../src/runs/resume.js';
import { runExperiment } from '../../src/runs/run.js';
import { type Experiment } from '../../src/runs/experiment.js';
import { WriteFailure } from '../../src/runs/write-failure.js';
import { builtInRegistry } from '../../src/config/registry.js';
import { startEngine } from '../support/engine.js';
import { sample, tryAll } from '../support/fuzz.js';
import { stripes } from '../support/stripes.js';
import { readPoints } from './tensorboard/reader.js';

/** Writes until the disk is full. */
const disk = vi.hoisted(() => ({ room: Infinity }));
vi.mock('node:fs', async (original) => {
  const fs = await original<typeof import('node:fs')>();
  const writeSync = (...args: Parameters<typeof fs.writeSync>): number => {
    if (--disk.room >= 0) return fs.writeSync(...args);
    throw Object.assign(new Error('ENOSPC: no space left on device, write'), {
      code: 'ENOSPC',
      syscall: 'write',
    });
  };
  return { ...fs, writeSync };
});

const config = parseConfig(
  `{ name: tiny, data: { name: cifar10 }, network: { name: resnet, layers: 8 }, method: { method: bp },
     train: { epochs: 2, batchSize: 8, learningRate: 0.01, schedule: constant, workers: 0 } }`,
  'c.yaml',
);

let experiment: Experiment;
let folder: string;
beforeAll(async () => {
  experiment = { config, registry: builtInRegistry, engine: await startEngine(), dataset: stripes };
});
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), 'locallearn-full-'))));
afterEach(() => {
  disk.room = Infinity;
  rmSync(folder, { recursive: true });
});

/** Every write of a run fails in turn, outside CI every fourth; the message is the same kind whichever it was, and the run goes on from there. */
it('of any file of a run is told in a line, and the run goes on when there is room', async () => {
  const told: string[] = [];
  for (let writes = tryAll ? 0 : sample; ; writes += tryAll ? 1 : 4) {
    const parent = join(folder, `after ${writes}`);
    disk.room = writes;
    const outcome: unknown = await runExperiment(experiment, config.method!, {
      parent,
      tensorboard: true,
    }).catch((error: unknown) => error);
    disk.room = Infinity;
    if (!(outcome instanceof Error)) break;
    expect(outcome).toBeInstanceOf(WriteFailure);
    const [name = ''] = readdirSync(parent);
    const run = join(parent, name);
    expect(outcome.message).toContain(`${run}/`);
    const [, file = ''] =
      /([^/]+): cannot be written, the disk is full: make room/.exec(outcome.message) ?? [];
    told.push(file.replace(/\.\d+\.locallearn$/, ''));
    expect(readdirSync(run).filter((each) => /tmp|lock/.test(each))).toEqual([]);
    if (writes < 2) continue;
    expect(outcome.message).toContain(`, then go on with: locallearn train --resume '${run}'`);
    if (!file.startsWith('events.')) continue;
    await resumeRun(experiment, run, { tensorboard: true });
    expect(readMetrics(join(run, 'metrics.csv'))).toHaveLength(2);
    const events = readdirSync(run).filter((each) => each.startsWith('events.'));
    const points = readPoints(events.sort().map((each) => join(run, each))).get('accuracy/test');
    expect(points?.map(([step]) => step)).toEqual([1, 2]);
  }
  const files = [
    ...[
      'config.yaml',
      'data.json',
      'metrics.csv',
      'events.out.tfevents',
      'weights.safetensors',
      'summary.json',
    ],
    ...['epoch-1.json', 'epoch-1.safetensors', 'epoch-2.json', 'epoch-2.safetensors'],
  ];
  if (tryAll) expect(new Set(told)).toEqual(new Set(files));
  else expect(files).toEqual(expect.arrayContaining(told));
}, 120_000);

it('of what is looked up in a run is told alike', () => {
  disk.room = 0;
  expect(() => writeProbe(folder, {} as never)).toThrow(
    `${folder}/probe.json: cannot be written, the disk is full: make room`,
  );
  expect(() => writeSimilarity(folder, 'b', {} as never)).toThrow(WriteFailure);
});
