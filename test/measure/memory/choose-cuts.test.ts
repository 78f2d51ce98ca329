import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseConfig, type Config } from '../../../src/config/config.js';
import { chooseCuts } from '../../../src/measure/memory/choose-cuts.js';
import { settingOf, type MemorySetting } from '../../../src/measure/memory/setting.js';
import { runExperiment } from '../../../src/runs/run.js';
import { type Experiment } from '../../../src/runs/experiment.js';
import { builtInRegistry } from '../../../src/config/registry.js';
import { tinyNoise } from '../../data/helpers.js';
import { partitionOf } from '../../../src/local/partition/of-method.js';
import { startEngine } from '../../support/engine.js';
import { methodOf } from '../../support/method.js';

const dataset = tinyNoise();

const configOf = (method: string): Config =>
  parseConfig(
    `
name: tiny
data: { name: cifar10 }
network: { name: resnet, layers: 14 }
train: { epochs: 1, batchSize: 8, learningRate: 0.05, schedule: constant, workers: 0 }
method: ${method}
`,
    'tiny.yaml',
  );

let folder: string;
let setting: MemorySetting;
let experiment: (config: Config) => Experiment;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'locallearn-cuts-'));
  const engine = await startEngine();
  const inputs = { engine, registry: builtInRegistry };
  experiment = (config) => ({ config, dataset, ...inputs });
  const { imageShape } = dataset;
  setting = settingOf(configOf('{ method: bp }'), { ...inputs, classes: dataset.classes.length, imageShape });
});
afterAll(() => rmSync(folder, { recursive: true }));

test('a method that names its cuts stays as it is', async () => {
  const method = methodOf({ method: 'man', blocks: 3 });
  expect((await chooseCuts(setting, method)).method).toBe(method);
});

test("the cuts that were chosen take the place of 'balanced' and of the number of blocks", async () => {
  const { method, balanced } = await chooseCuts(
    setting,
    methodOf({ method: 'greedy', label: 'mine', blocks: 3, cuts: 'balanced' }),
  );
  expect(method).toEqual(methodOf({ method: 'greedy', label: 'mine', cuts: balanced!.cuts }));
  expect(balanced!.cuts).toHaveLength(2);
  expect(balanced!.peakBytes).toBeLessThanOrEqual(balanced!.evenPeakBytes!);
});

test.each([
  ['{ method: greedy, cuts: balanced }', "greedy: cuts 'balanced' need blocks: how many there shall be"],
  [
    '{ method: auglocal, cuts: balanced, blocks: 1 }',
    "auglocal: cuts 'balanced' need at least 2 blocks, not 1",
  ],
  [
    '{ method: man, cuts: balanced, blocks: 9 }',
    'blocks: resnet-14 can be cut into at most 7 blocks here, not 9',
  ],
])('%s is refused in one line', async (text, message) => {
  await expect(chooseCuts(setting, configOf(text).method!)).rejects.toThrow(message);
});

describe('a run', () => {
  test('records the cuts that were chosen, so that its config trains the same again', async () => {
    const config = configOf('{ method: auglocal, depth: 1, blocks: 3, cuts: balanced }');
    const notes: string[] = [];
    const observer = {
      ...{ start: () => {}, event: () => {}, end: () => {} },
      note: (message: string) => void notes.push(message),
    };
    const run = await runExperiment(experiment(config), config.method!, { parent: folder, observer });
    expect(run.result?.blocks).toBe(3);
    expect(notes.join('\n')).toMatch(/auglocal: cuts after \S+, \S+: largest update [\d.]+ MB, of even/);
    const path = join(run.folder, 'config.yaml');
    const saved = parseConfig(readFileSync(path, 'utf8'), path);
    const { blocks, cuts } = partitionOf(saved.method!);
    expect(blocks).toBeUndefined();
    expect(cuts).toHaveLength(2);
    const log = readFileSync(join(run.folder, 'log.jsonl'), 'utf8').trim().split('\n');
    const entry = log.map((line) => JSON.parse(line) as { msg?: string; cuts?: unknown });
    expect(entry.find(({ msg }) => msg === 'balanced cuts')?.cuts).toEqual(cuts);
    const again = await runExperiment(experiment(saved), saved.method!, { parent: folder });
    expect(again.result?.accuracy).toBe(run.result?.accuracy);
    expect(again.result?.peakMemoryBytes).toBe(run.result?.peakMemoryBytes);
  });
});
