import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadConfig } from '../../../src/config/config.js';
import { thisMachine } from '../../../src/core/machine.js';
import { readMetrics } from '../../../src/runs/metrics.js';
import { readComparison, readRunSummary, type ComparedRun } from '../../../src/runs/summary.js';
import { readSafetensors } from '../../../src/formats/safetensors.js';
import { readPoints } from '../../runs/tensorboard/reader.js';
import { ended, start, pictureConfig, writePictures } from '../helpers.js';
import { residentProgram } from '../resident.js';

const run = residentProgram();

let folder: string;
let trainYaml: string;
let compareYaml: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'locallearn-cli-'));
  const data = join(folder, 'data');
  await writePictures(data);
  trainYaml = join(folder, 'train.yaml');
  compareYaml = join(folder, 'compare.yaml');
  writeFileSync(trainYaml, pictureConfig(data, 'method: { method: auglocal, depth: 1 }'));
  writeFileSync(compareYaml, pictureConfig(data, 'methods: [{ method: man, blocks: 2, label: two blocks }]'));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** The only folder in a folder. */
function only(parent: string): string {
  const folders = readdirSync(parent, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  expect(folders).toHaveLength(1);
  return join(parent, folders[0]!.name);
}

describe('train', () => {
  it('records a run: config, metrics, log, weights and summary', async () => {
    const out = join(folder, 'train');
    const { code, stdout, stderr } = await run(['train', trainYaml, '--out', out, '--seed', '5']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^method .*last epoch/);
    expect(stdout).toMatch(/^test accuracy; batch 16; engine /m);
    expect(stdout).toMatch(/^auglocal +\d+ +[\d.]+ %/m);
    expect(stderr).toMatch(/^auglocal, seed 5: epoch 2\/2 {2}loss [\d.]+ {2}test accuracy/m);
    const path = only(out);
    expect(stdout).toContain(`run folder: ${path}\n`);
    const { config } = await loadConfig(join(path, 'config.yaml'));
    expect(config).toMatchObject({ seed: 5, train: { epochs: 2 }, method: { options: { depth: 1 } } });
    expect(config.method?.method.name).toBe('auglocal');
    expect(config.engine).not.toBe('auto');
    const epochs = readMetrics(join(path, 'metrics.csv'));
    expect(epochs).toHaveLength(2);
    const summary = readRunSummary(join(path, 'summary.json'));
    expect(summary).toMatchObject({
      status: 'finished',
      seed: 5,
      epochs: 2,
      accuracy: epochs[1]!.evaluationAccuracy,
    });
    const { tensors } = readSafetensors(join(path, 'weights.safetensors'));
    expect(tensors.get('conv1.weight')?.shape).toEqual([16, 3, 3, 3]);
    expect([...tensors.keys()]).toContain('layer1.0.bn1.running_mean');
    const log = readFileSync(join(path, 'log.jsonl'), 'utf8').trimEnd().split('\n');
    expect(log.map((line) => (JSON.parse(line) as { msg?: string }).msg).filter(Boolean)).toEqual([
      'start',
      'multiply-adds',
      'summary',
    ]);
    expect(JSON.parse(log[0]!)).toMatchObject({ machine: thisMachine() });
  });

  it('gives the same numbers for the same config and seed, others for another seed', async () => {
    const losses = async (name: string, seed: string): Promise<number[]> => {
      const out = join(folder, name);
      const { stdout } = await run(['train', trainYaml, '--quiet', '--json', '--out', out, '--seed', seed]);
      const path = only(out);
      const { status, byClass, ...summary } = readRunSummary(join(path, 'summary.json'));
      expect(byClass).toBeDefined();
      expect(status).toBe('finished');
      expect(JSON.parse(stdout)).toEqual({ folder: path, interrupted: false, ...summary });
      expect(stdout.indexOf('\n')).toBe(stdout.length - 1);
      return readMetrics(join(path, 'metrics.csv')).map(({ trainLoss }) => trainLoss);
    };
    const [first, again, other] = [await losses('a', '3'), await losses('b', '3'), await losses('c', '4')];
    expect(first).toHaveLength(2);
    expect(again).toEqual(first);
    expect(other).not.toEqual(first);
  });
});

describe('an image that is left over alone for the last batch', () => {
  it('is told of before training, and counted, but not for a bad one', async () => {
    const out = join(folder, 'lone');
    const { code, stdout, stderr } = await run([
      ...['train', trainYaml, '--quiet', '--out', out, '--set', 'data.trainImages=65'],
    ]);
    expect(code, stderr).toBe(0);
    expect(stderr).toMatch(/note: of 65 training images in batches of 16 one is left over, /);
    expect(stdout).not.toContain('could not be decoded');
    const path = only(out);
    expect(readRunSummary(join(path, 'summary.json'))).toMatchObject({ skippedImages: 1, badFiles: [] });
    expect(readMetrics(join(path, 'metrics.csv')).map(({ skippedImages }) => skippedImages)).toEqual([1, 1]);
  });
});

describe('an option given twice', () => {
  it('has its last value; a list has all', async () => {
    const [one, two] = [join(folder, 'one'), join(folder, 'two')];
    const { code, stderr } = await run([
      ...['train', trainYaml, '--quiet', '--out', one, '--seed', '1', '--set', 'train.epochs=1'],
      ...['--set', 'name=added', '--out', two, '--seed', '2', '--quiet'],
    ]);
    expect(code, stderr).toBe(0);
    expect(existsSync(one)).toBe(false);
    const { config } = await loadConfig(join(only(two), 'config.yaml'));
    expect(config).toMatchObject({ name: 'added', seed: 2, train: { epochs: 1 } });
  });
});

describe('compare', () => {
  it('says that a run which dropped last batches, as earlier versions did, is another', async () => {
    const out = join(folder, 'dropped');
    const args = ['compare', compareYaml, '--out', out, '--quiet', '--set', 'train.epochs=1'];
    expect(await run([...args, '--set', 'train.lastBatch=drop'])).toMatchObject({ code: 0 });
    const { code, stderr } = await run(args);
    expect(code, stderr).toBe(0);
    expect(stderr).toMatch(
      /^bp, seed 1: .* dropped the last batches of its epochs: --set train\.lastBatch=drop takes/m,
    );
    const again = await run([...args, '--set', 'train.lastBatch=drop']);
    expect(again.stderr).toMatch(/^bp, seed 1: is finished in /m);
  });

  it('trains BP first and writes a summary of all methods', async () => {
    const out = join(folder, 'compare');
    const { code, stdout, stderr } = await run([
      ...['compare', compareYaml, '--out', out, '--quiet', '--tensorboard'],
    ]);
    expect(code).toBe(0);
    expect(stderr.replace(/^note: .*\n/m, '')).toBe('');
    const results = readComparison(join(out, 'summary.json'));
    expect(results).toMatchObject([
      { method: 'bp', blocks: 1, seed: 1, epochs: 2 },
      { method: 'man', label: 'two blocks', blocks: 2, seed: 1, epochs: 2 },
    ]);
    for (const result of results) expect(result.peakMemoryBytes).toBeGreaterThan(0);
    const [bp, man] = results as [ComparedRun, ComparedRun];
    expect(bp).toMatchObject({ parameters: { auxiliary: 0 }, multiplyAdds: { auxiliary: 0 } });
    expect(man.parameters!.network).toBe(bp.parameters!.network);
    expect(man.parameters!.auxiliary).toBeGreaterThan(0);
    expect(man.multiplyAdds!.images).toBe(bp.batchSize);
    const { methods } = JSON.parse(readFileSync(join(out, 'summary.json'), 'utf8')) as { methods: object[] };
    expect(methods).toMatchObject([
      { label: 'bp', seeds: [1], memoryTimesBp: 1, timeOverhead: 0, multiplyAddsOverhead: 0 },
      { label: 'two blocks', multiplyAddsOverhead: expect.any(Number) as number },
    ]);
    expect(stdout).toMatch(/^test accuracy; batch \d+; engine .*; float32, deterministic; peak: /m);
    expect(stdout).toMatch(/^bp .* 1\.00 /m);
    expect(stdout).toMatch(/^two blocks +2 /m);
    expect(readFileSync(join(out, 'table.md'), 'utf8')).toMatch(/^\| two blocks +\| +2 \|/m);
    const folders = readdirSync(out).filter((name) => /-tiny-(bp|two-blocks)-s1$/.test(name));
    expect(folders).toHaveLength(2);
    for (const name of folders) {
      const path = join(out, name);
      const files = readdirSync(path).filter((file) => file.startsWith('events.out.tfevents.'));
      expect(files).toHaveLength(1);
      expect(readPoints([join(path, files[0]!)]).get('accuracy/test')).toEqual(
        readMetrics(join(path, 'metrics.csv')).map(({ epoch, evaluationAccuracy }) => [
          epoch,
          Math.fround(evaluationAccuracy),
        ]),
      );
    }
  });
});

describe('compare with several seeds', () => {
  it('skips what is finished, goes on with what is not, and takes runs from elsewhere', async () => {
    const out = join(folder, 'seeds');
    const common = ['compare', compareYaml, '--quiet', '--set', 'data.trainImages=32'];
    expect((await run([...common, '--out', out, '--seeds', '3,4'])).code).toBe(0);
    const first = readComparison(join(out, 'summary.json'));
    expect(first.map(({ seed, method }) => `${method} ${seed}`)).toEqual(['bp 3', 'man 3', 'bp 4', 'man 4']);
    const runsIn = (path: string): string[] =>
      readdirSync(path, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? entry.name : []));
    // A run that was interrupted after its first epoch, as far as its folder tells.
    const broken = join(out, first[3]!.folder!);
    rmSync(join(broken, 'summary.json'));
    const before = runsIn(out);
    const again = await run([...common.filter((word) => word !== '--quiet'), '--out', out, '--seeds', '3,4']);
    expect(again.stderr).toMatch(/^bp, seed 3: is finished in /m);
    expect(again.stderr).toMatch(/goes on from the checkpoint/);
    expect(again.stdout).toMatch(/^bp +1 +2 +[\d.]+ ± [\d.]+ % +0\.00 /m);
    expect(runsIn(out)).toEqual(before);
    const second = readComparison(join(out, 'summary.json'));
    expect(second.map(({ multiplyAdds }) => multiplyAdds)).toEqual(
      first.map(({ multiplyAdds }) => multiplyAdds),
    );
    expect(second.every(({ multiplyAdds }) => multiplyAdds !== undefined)).toBe(true);
    const accuracies = (results: typeof first): number[] => results.map(({ accuracy }) => accuracy);
    expect(accuracies(second)).toEqual(accuracies(first));
    const elsewhere = join(folder, 'elsewhere');
    const third = await run([...common, '--out', elsewhere, '--seeds', '4,3', '--from', out]);
    expect(third.code).toBe(0);
    expect(runsIn(elsewhere)).toEqual([]);
    const taken = readComparison(join(elsewhere, 'summary.json'));
    expect(taken.map(({ seed }) => seed)).toEqual([4, 4, 3, 3]);
    expect(readFileSync(join(elsewhere, 'table.csv'), 'utf8').split('\n')).toHaveLength(4);
    const odd = await run([...common, '--seeds', '1,x']);
    expect({ code: odd.code, stderr: odd.stderr }).toMatchObject({
      stderr: expect.stringMatching(/--seeds: must be/) as string,
    });
  });
});

const longRunArguments = (out: string): string[] => [
  ...['train', trainYaml, '--out', out, '--set', 'train.epochs=100000'],
];

/** Starts a long run in a process of its own and waits for its first epoch. */
async function longRun(out: string) {
  const child = start(longRunArguments(out));
  const outcome = ended(child);
  await new Promise<void>((resolve, reject) => {
    child.stderr.on('data', (chunk: Buffer) => {
      if (chunk.toString().includes('epoch 1/')) resolve();
    });
    void outcome.then(({ stderr }) => reject(new Error(`ended before its first epoch: ${stderr}`)));
  });
  return { child, outcome };
}

describe('an interrupted run', () => {
  it('ends after its step on Ctrl-C and keeps its finished epochs', async () => {
    const out = join(folder, 'interrupted');
    const { code, stderr } = await run(longRunArguments(out), { said: 'epoch 1/', signal: 'SIGINT' });
    expect(code).toBe(130);
    expect(stderr).not.toMatch(/^\s+at |error/m);
    const path = only(out);
    const epochs = readMetrics(join(path, 'metrics.csv'));
    expect(epochs.length).toBeGreaterThan(0);
    const summary = readRunSummary(join(path, 'summary.json'));
    expect(summary).toMatchObject({ status: 'interrupted', epochs: epochs.length });
    expect(readSafetensors(join(path, 'weights.safetensors')).tensors.size).toBeGreaterThan(0);
  });

  it('ends at once on a second Ctrl-C, its folder valid', async () => {
    const out = join(folder, 'twice');
    const { child, outcome } = await longRun(out);
    child.stderr.on('data', (chunk: Buffer) => {
      if (chunk.toString().includes('once more to stop at once')) child.kill('SIGINT');
    });
    child.kill('SIGINT');
    expect((await outcome).code).toBe(130);
    const path = only(out);
    expect(readRunSummary(join(path, 'summary.json')).status).toBe('interrupted');
    expect(readMetrics(join(path, 'metrics.csv')).length).toBeGreaterThan(0);
  });

  it('leaves whole rows and records when it is killed', async () => {
    const out = join(folder, 'killed');
    const { child, outcome } = await longRun(out);
    child.kill('SIGKILL');
    await outcome;
    const path = only(out);
    expect(readMetrics(join(path, 'metrics.csv')).length).toBeGreaterThan(0);
    expect((await loadConfig(join(path, 'config.yaml'))).config.name).toBe('tiny');
    const log = readFileSync(join(path, 'log.jsonl'), 'utf8').trimEnd().split('\n');
    expect(log.map((line) => JSON.parse(line) as unknown)[0]).toMatchObject({
      msg: 'start',
      method: 'auglocal',
    });
  });
});
