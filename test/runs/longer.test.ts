import { checkpointsOf } from '../../src/formats/checkpoint-names.js';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadConfig } from '../../src/config/config.js';
import { builtInRegistry } from '../../src/config/registry.js';
import type { Engine } from '../../src/engine/engine.js';
import { readSafetensors } from '../../src/formats/safetensors.js';
import { newestCheckpoint } from '../../src/runs/checkpoint/store.js';
import type { Experiment } from '../../src/runs/experiment.js';
import type { RunConfig } from '../../src/runs/folder.js';
import { runInto } from '../../src/runs/into.js';
import { refuseOtherRun } from '../../src/runs/longer.js';
import { readMetrics } from '../../src/runs/metrics.js';
import { withStrategy } from '../../src/runs/method-strategy.js';
import { resumeRun } from '../../src/runs/resume.js';
import { sectionOf } from '../../src/runs/training-settings.js';
import { runConfigOf } from '../../src/runs/run-config.js';
import { runExperiment } from '../../src/runs/run.js';
import { startEngine } from '../support/engine.js';
import { edges } from '../support/edges.js';
import { train } from '../../src/train/trainer.js';

let folder: string;
let engine: Engine;
beforeAll(async () => {
  engine = await startEngine();
  folder = mkdtempSync(join(tmpdir(), 'locallearn-longer-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

async function experimentOf(section: string, more = 'method: { method: dgl, blocks: 2 }') {
  const path = join(folder, 'config.yaml');
  writeFileSync(
    path,
    `
name: longer
data: { name: fashion-mnist }
network: { name: resnet, layers: 8 }
train: { batchSize: 32, learningRate: 0.05, ${section} }
${more}
`,
  );
  return { ...(await loadConfig(path)), engine, dataset: edges() };
}

async function runOf(section: string, more?: string): Promise<string> {
  const experiment = await experimentOf(section, more);
  const finished = await runExperiment(experiment, experiment.config.method!, {
    parent: join(folder, 'runs'),
  });
  return finished.folder;
}

const weightsOf = (run: string) => readSafetensors(join(run, 'weights.safetensors')).tensors;
const losses = (run: string): number[] =>
  readMetrics(join(run, 'metrics.csv')).map(({ trainLoss }) => trainLoss);
const stateOf = (run: string) => newestCheckpoint(checkpointsOf(run), () => {})!.state;

describe('a run with more epochs', () => {
  it('is the run that had that many from the start, where those that are done had the same rates', async () => {
    const run = await runOf('epochs: 1, schedule: { name: steps, at: [1] }');
    const longer = await experimentOf('epochs: 3, schedule: { name: steps, at: [1] }');
    expect((await resumeRun(longer, run, {})).result?.epochs).toBe(3);
    const straight = await runOf('epochs: 3, schedule: { name: steps, at: [1] }');
    expect(losses(run)).toEqual(losses(straight));
    expect(weightsOf(run)).toEqual(weightsOf(straight));
    expect(readFileSync(join(run, 'config.yaml'))).toEqual(readFileSync(join(straight, 'config.yaml')));
    // As finished as that one.
    expect((await resumeRun(longer, run, {})).result?.epochs).toBe(3);
  });

  it('goes on in the folder that the same command names', async () => {
    const into = join(folder, 'into');
    for (const epochs of [1, 2]) {
      const experiment = await experimentOf(`epochs: ${epochs}, schedule: constant`);
      const { result } = await runInto(experiment, { method: experiment.config.method! }, into, {});
      expect(result?.epochs).toBe(epochs);
    }
  });

  it('is refused where its epochs would have had other rates, with what can be done', async () => {
    const run = await runOf('epochs: 2');
    await expect(resumeRun(await experimentOf('epochs: 4'), run, {})).rejects.toThrow(
      `${run}: the run: train.epochs: 2 there, 4 here: the learning rates of the schedule "cosine" depend on the number of epochs, and those of epoch 1 would have been others: begin a run of its own where this one ended, with a schedule of its own: --set train.init=FOLDER`,
    );
    expect(losses(run)).toHaveLength(2);
    await expect(resumeRun(await experimentOf('epochs: 1'), run, {})).rejects.toThrow(
      'train.epochs: 2 there, 1 here: 2 epochs of it are done',
    );
    const other = await experimentOf('epochs: 4, momentum: 0.5');
    await expect(resumeRun(other, run, {})).rejects.toThrow(
      /these keys differ:\ntrain\.epochs: 2 there, 4 here\ntrain\.momentum/,
    );
  });

  it('is refused where it was stopped early', async () => {
    const section = 'schedule: constant, earlyStopping: { patience: 1, minDelta: 0.9 }';
    const run = await runOf(`epochs: 3, ${section}`);
    expect(losses(run)).toHaveLength(2);
    await expect(resumeRun(await experimentOf(`epochs: 5, ${section}`), run, {})).rejects.toThrow(
      'it was stopped after epoch 2, as train.earlyStopping says, and would be again',
    );
  });
});

describe('train.init', () => {
  /** What training from a state comes to without any run folder. */
  async function trained(experiment: Experiment, run: string) {
    const { tensors, counters } = stateOf(run);
    const kept = [...tensors].filter(([name]) => !name.startsWith('average/'));
    return withStrategy(experiment, experiment.config.method!, async (strategy) => {
      const section = sectionOf(experiment.config.train);
      const resume = { epochs: [], tensors: new Map(kept), counters };
      return train(strategy, experiment.dataset, { ...section, seed: 1, engine, resume });
    });
  }

  it('begins a run with weights, auxiliary nets and momenta of another', async () => {
    const first = await runOf('epochs: 1, schedule: constant, ema: { decay: 0.5 }');
    const experiment = await experimentOf(`epochs: 1, schedule: constant, init: ${JSON.stringify(first)}`);
    expect(experiment.config.train.init).toEqual({
      from: join(first, 'checkpoints', 'epoch-1.json'),
      sha256: expect.stringMatching(/^[0-9a-f]{64}$/) as string,
    });
    const second = await runExperiment(experiment, experiment.config.method!, { parent: folder });
    const { epochs } = await trained(experiment, first);
    expect(losses(second.folder)).toEqual(epochs.map(({ trainLoss }) => trainLoss));
    expect(losses(second.folder)[0]).toBeLessThan(losses(first)[0]!);
    // What came of it needs the first run no more, to go on neither.
    rmSync(first, { recursive: true });
    expect((await resumeRun(experiment, second.folder, {})).result?.epochs).toBe(1);
    const { train: section } = experiment.config;
    const longer = { ...experiment, config: { ...experiment.config, train: { ...section, epochs: 2 } } };
    expect((await resumeRun(longer, second.folder, {})).result?.epochs).toBe(2);
  });

  it('is by --set relative to the current folder, and in a file to that', async () => {
    const run = await runOf('epochs: 1, schedule: constant');
    const config = join(folder, 'config.yaml');
    const from = join(run, 'checkpoints', 'epoch-1.json');
    const here = relative(process.cwd(), run);
    for (const key of ['train.init', 'train.init.from']) {
      const { config: loaded } = await loadConfig(config, [`${key}=${here}`]);
      expect(loaded.train.init?.from).toBe(from);
    }
    const weights = join(run, 'weights.safetensors');
    for (const key of ['network.weights', 'network.weights.file']) {
      const { config: loaded } = await loadConfig(config, [`${key}=${relative(process.cwd(), weights)}`]);
      expect(loaded.network.weights?.file).toBe(weights);
    }
    const inFile = await experimentOf(`epochs: 1, schedule: constant, init: ${relative(folder, run)}`);
    expect(inFile.config.train.init?.from).toBe(from);
    await expect(loadConfig(config, [`train.init=${relative(folder, run)}`])).rejects.toThrow(
      /--set train\.init=.*: train\.init: cannot read the training state: ENOENT/,
    );
  });

  it.each([
    [
      'train.init=5',
      "train.init: must be the path of a run's folder or of one of its checkpoints (.json), or a map { from, sha256 }, not 5",
    ],
    [
      'network.weights=[a]',
      "network.weights: must be the path of a safetensors file or of a run's folder, or a map { file, head, sha256 }, not a list",
    ],
    ['plugins=[true]', 'plugins.0: must be the path of a plugin, or a map { path, sha256 }, not true'],
  ])('says of --set %s what it takes', async (override, message) => {
    await experimentOf('epochs: 1, schedule: constant');
    await expect(loadConfig(join(folder, 'config.yaml'), [override])).rejects.toThrow(message);
  });

  it('refuses what another optimiser kept, before there is a run folder', async () => {
    const run = await runOf('epochs: 1, schedule: constant');
    const other = await experimentOf(
      `epochs: 1, schedule: constant, optimizer: adamw, init: ${JSON.stringify(run)}`,
    );
    const parent = join(folder, 'nothing');
    await expect(runExperiment(other, other.config.method!, { parent })).rejects.toThrow(
      /^train\.init: .*epoch-1\.json: not a state of this optimiser/,
    );
    expect(existsSync(parent)).toBe(false);
  });

  it('refuses the state of another method, and what is no checkpoint', async () => {
    const run = await runOf('epochs: 1, schedule: constant');
    const other = await experimentOf(
      `epochs: 1, schedule: constant, init: ${JSON.stringify(run)}`,
      'method: { method: bp }',
    );
    await expect(runExperiment(other, other.config.method!, { parent: folder })).rejects.toThrow(
      /^train\.init: .*epoch-1\.json: not a state of this network and method: auxiliary\/.* is none of their tensors; network: \{ weights: … \} takes a run's network without the rest$/,
    );
    const weights = join(run, 'weights.safetensors');
    const file = await experimentOf(`epochs: 1, schedule: constant, init: ${JSON.stringify(weights)}`);
    await expect(runExperiment(file, file.config.method!, { parent: folder })).rejects.toThrow(
      `train.init: ${weights}: must be a run's folder or one of its checkpoints, such as checkpoints/epoch-2.json; weights alone go into network: { weights: … }`,
    );
    const averaged = await experimentOf(
      `epochs: 1, schedule: constant, ema: { decay: 0.5 }, init: ${JSON.stringify(run)}`,
    );
    await expect(runExperiment(averaged, averaged.config.method!, { parent: folder })).rejects.toThrow(
      /that run kept no averages of its weights: leave out train\.ema$/,
    );
    await expect(
      experimentOf(`epochs: 1, schedule: constant, init: ${JSON.stringify(folder)}`),
    ).rejects.toThrow(
      /config\.yaml:5:\d+: train\.init: cannot read the training state: .* is not a run's folder, or one without checkpoints$/,
    );
  });
});

it('ranks may share a run in another way than before, but not where what travels between them is rounded', async () => {
  const runWith = async (parallel: string): Promise<RunConfig> => {
    const experiment = await experimentOf('epochs: 1', `method: { method: dgl, blocks: 2 }\n${parallel}`);
    return runConfigOf(experiment, experiment.config.method!);
  };
  const alone = await runWith('');
  const data = await runWith('parallel: data');
  const mesh = await runWith('parallel: { blocks: 2, data: 2 }');
  const rounded = await runWith('parallel: { blocks: 2, transport: bf16 }');
  // What counts of both is that batches are shared.
  expect(mesh.parallel).toBe('data');
  const goOn = (there: RunConfig, here: RunConfig): void =>
    refuseOtherRun('a: the run', there, here, { done: [], schedules: builtInRegistry.schedules });
  for (const [there, here] of [
    [alone, mesh],
    [data, alone],
    [alone, data],
  ] as const)
    expect(() => goOn(there, here)).not.toThrow();
  expect(() => goOn(rounded, mesh)).toThrow('parallel.transport: "bf16" there, not set here');
  expect(() => goOn(data, rounded)).toThrow('parallel.transport: not set there, "bf16" here');
});
