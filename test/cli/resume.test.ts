import {
  checkpointName,
  checkpointsOf,
  listCheckpoints,
  type CheckpointPosition,
} from '../../src/formats/checkpoint-names.js';
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { readMetrics } from '../../src/runs/metrics.js';
import { readRunSummary } from '../../src/runs/summary.js';
import { ended, run as runAlone, start, pictureConfig, writePictures } from './helpers.js';
import { residentProgram } from './resident.js';

const run = residentProgram();

// Each test starts several processes.
vi.setConfig({ testTimeout: 240_000, hookTimeout: 240_000 });

let folder: string;
let yaml: string;
/** Of a run that was never interrupted. */
let straight: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'locallearn-resume-'));
  const data = join(folder, 'data');
  await writePictures(data);
  yaml = join(folder, 'train.yaml');
  writeFileSync(
    yaml,
    pictureConfig(data, 'method: { method: auglocal, depth: 1 }').replace('epochs: 2', 'epochs: 4'),
  );
  const { code } = await run(['train', yaml, '--out', join(folder, 'straight'), '--quiet']);
  expect(code).toBe(0);
  straight = only(join(folder, 'straight'));
});
afterAll(() => rmSync(folder, { recursive: true }));

/** The only folder in a folder. */
function only(parent: string): string {
  const folders = readdirSync(parent, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  expect(folders).toHaveLength(1);
  return join(parent, folders[0]!.name);
}

/** A run that a signal ended after its second epoch, and what it said. */
async function interrupted(name: string, args: readonly string[] = []) {
  const out = join(folder, name);
  const signalOn = { said: 'epoch 2/', signal: 'SIGTERM' } as const;
  const { code, stderr } = await run(['train', yaml, '--out', out, ...args], signalOn);
  expect(code).toBe(143);
  return { path: only(out), stderr };
}

const weights = (path: string): Buffer => readFileSync(join(path, 'weights.safetensors'));
const losses = (path: string): number[] =>
  readMetrics(join(path, 'metrics.csv')).map(({ trainLoss }) => trainLoss);

/** Changes a checkpoint's record into that of another version. */
function rewriteCheckpoint(
  path: string,
  position: CheckpointPosition,
  change: (content: { config: object; metrics: string }) => void,
): void {
  const file = join(checkpointsOf(path), `${checkpointName(position)}.json`);
  const { content } = JSON.parse(readFileSync(file, 'utf8')) as {
    content: { config: object; metrics: string };
  };
  change(content);
  const sha256 = createHash('sha256').update(JSON.stringify(content)).digest('hex');
  writeFileSync(file, JSON.stringify({ sha256, content }));
}

/** It ends with the bits of the run that was never interrupted. */
async function expectGoesOn(path: string, args: readonly string[] = [], how = run): Promise<string> {
  const { code, stderr } = await how(['train', '--resume', path, ...args]);
  expect({ code, stderr }).toMatchObject({ code: 0 });
  expect(losses(path)).toEqual(losses(straight));
  expect(weights(path).equals(weights(straight))).toBe(true);
  expect(readRunSummary(join(path, 'summary.json'))).toMatchObject({ status: 'finished', epochs: 4 });
  expect(readdirSync(path).filter((file) => /lock|tmp/.test(file))).toEqual([]);
  return stderr;
}

describe('train --resume', () => {
  it('goes on after a signal, says how to, and has nothing to do at the end', async () => {
    const { path, stderr } = await interrupted('signal');
    expect(stderr).toContain(`\nto go on: locallearn train --resume ${path}\n`);
    expect(readRunSummary(join(path, 'summary.json'))).toMatchObject({ status: 'interrupted' });
    expect(await expectGoesOn(path, [], runAlone)).toMatch(
      /goes on from the checkpoint (after epoch 2|in epoch 3, after batch \d)/,
    );
    const log = readFileSync(join(path, 'log.jsonl'), 'utf8').trimEnd().split('\n');
    const messages = log.map((line) => (JSON.parse(line) as { msg?: string }).msg).filter(Boolean);
    expect(messages.filter((each) => each === 'start' || each === 'resume')).toEqual(['start', 'resume']);
    const again = await run(['train', '--resume', path, yaml]);
    expect(again.code).toBe(0);
    expect(again.stdout).toMatch(/^auglocal/m);
    expect(again.stderr).toContain('this run is finished, there is nothing left to do');
  });

  it('names a damaged checkpoint and takes the one before it', async () => {
    const { path } = await interrupted('damaged', ['--set', 'train.keep=3']);
    const [newest] = listCheckpoints(checkpointsOf(path));
    const file = join(checkpointsOf(path), `${checkpointName(newest!)}.safetensors`);
    const bytes = readFileSync(file);
    bytes[bytes.length - 5]! ^= 1;
    writeFileSync(file, bytes);
    const notes = await expectGoesOn(path);
    expect(notes).toContain(`${file}: damaged: its checksum differs; the checkpoint `);
  });

  it('goes on with a run of an earlier version, whose metrics called a validation split `test`', async () => {
    const { path } = await interrupted('older', [
      ...['--set', 'data.validation=0.2', '--set', 'data.testImages=16'],
    ]);
    const older = (text: string): string =>
      text.replace('validationLoss,validationAccuracy', 'testLoss,testAccuracy');
    const metrics = join(path, 'metrics.csv');
    const rows = readMetrics(metrics);
    writeFileSync(metrics, older(readFileSync(metrics, 'utf8')));
    for (const position of listCheckpoints(checkpointsOf(path))) {
      rewriteCheckpoint(path, position, (content) => {
        const before = content.metrics;
        content.metrics = older(before);
        expect(content.metrics).not.toBe(before);
      });
    }
    expect(await run(['train', '--resume', path])).toMatchObject({ code: 0 });
    expect(readFileSync(metrics, 'utf8')).toMatch(
      /^epoch,learningRate,trainLoss,validationLoss,validationAccuracy,/,
    );
    expect(readMetrics(metrics).slice(0, rows.length)).toEqual(rows);
  });

  it('goes on with a run of an earlier version as it was, without the batches that it dropped', async () => {
    const dropping = ['--set', 'data.trainImages=70', '--set', 'train.lastBatch=drop'];
    const out = join(folder, 'whole');
    expect(await run(['train', yaml, '--out', out, '--quiet', ...dropping])).toMatchObject({ code: 0 });
    const { path } = await interrupted('dropping', dropping);
    const configPath = join(path, 'config.yaml');
    const text = readFileSync(configPath, 'utf8');
    const earlier = text.replace(/^ +lastBatch: drop\n/m, '');
    expect(earlier).not.toBe(text);
    writeFileSync(configPath, earlier);
    for (const position of listCheckpoints(checkpointsOf(path))) {
      rewriteCheckpoint(path, position, (content) => {
        delete (content.config as { train: { lastBatch?: string } }).train.lastBatch;
      });
    }
    const refused = await run(['train', yaml, '--resume', path, '--set', 'data.trainImages=70']);
    expect(refused.stderr).toContain('train.lastBatch: "drop" there, "keep" here');
    expect(await run(['train', '--resume', path])).toMatchObject({ code: 0 });
    expect(losses(path)).toEqual(losses(only(out)));
    expect(weights(path).equals(weights(only(out)))).toBe(true);
    expect(readFileSync(configPath, 'utf8')).toBe(earlier);
    const again = await run(['train', '--resume', path]);
    expect(again).toMatchObject({ code: 0 });
    expect(again.stderr).toContain('nothing left to do');
  });

  it('goes on with a run of an earlier version whose method had fewer options', async () => {
    const man = ['--set', 'method={ method: man, blocks: 2 }'];
    const out = join(folder, 'man');
    expect(await run(['train', yaml, '--out', out, '--quiet', ...man])).toMatchObject({ code: 0 });
    const { path } = await interrupted('earlier-man', man);
    const configPath = join(path, 'config.yaml');
    const text = readFileSync(configPath, 'utf8');
    const earlier = text.replace(/^ +momentumStart: drawn\n/m, '');
    expect(earlier).not.toBe(text);
    writeFileSync(configPath, earlier);
    for (const position of listCheckpoints(checkpointsOf(path))) {
      rewriteCheckpoint(path, position, (content) => {
        delete (content.config as { method: { momentumStart?: string } }).method.momentumStart;
      });
    }
    expect(await run(['train', '--resume', path])).toMatchObject({ code: 0 });
    expect(losses(path)).toEqual(losses(only(out)));
    expect(weights(path).equals(weights(only(out)))).toBe(true);
  });

  it('is refused another config, with the keys that differ, and takes what changes no number', async () => {
    const { path } = await interrupted('other');
    const refused = await run(['train', yaml, '--resume', path, '--set', 'train.epochs=9', '--seed', '2']);
    expect(refused).toMatchObject({ code: 1, stdout: '' });
    expect(refused.stderr).toBe(
      [
        `error: ${path}: the run is of another config and cannot go on with this one; these keys differ:`,
        'error: seed: 1 there, 2 here',
        'error: train.epochs: 4 there, 9 here',
        '',
      ].join('\n'),
    );
    const config = join(path, 'config.yaml');
    const text = readFileSync(config, 'utf8');
    writeFileSync(config, text.replace('learningRate: 0.05', 'learningRate: 0.06'));
    const edited = await run(['train', '--resume', path]);
    expect(edited.stderr).toMatch(
      /the checkpoint .* is of another config[^]*train\.learningRate: 0\.05 there, 0\.06 here/,
    );
    writeFileSync(config, text);
    await expectGoesOn(path, ['--set', 'train.workers=1', '--set', 'train.keep=1']);
    expect(listCheckpoints(checkpointsOf(path)).length).toBeLessThanOrEqual(2);
  });

  it('is refused what is no run folder, and arguments that make no sense', async () => {
    const none = await run(['train', '--resume', folder]);
    expect(none.code).toBe(1);
    expect(none.stderr).toBe(
      `error: ${folder}: not a run folder, there is no config.yaml in it: name the one that "train" printed\n`,
    );
    expect((await run(['train'])).stderr).toMatch(
      /^error: a config is missing, or --resume with a run folder/,
    );
  });
});

describe('a run that cannot go on', () => {
  it('keeps another process off its folder, and takes over from one that is gone', async () => {
    const out = join(folder, 'two');
    const child = start(['train', yaml, '--out', out, '--set', 'train.epochs=100000']);
    const outcome = ended(child);
    await new Promise<void>((resolve, reject) => {
      child.stderr.on('data', (chunk: Buffer) => chunk.toString().includes('epoch 1/') && resolve());
      void outcome.then(({ stderr }) => reject(new Error(stderr)));
    });
    const path = only(out);
    const second = await run(['train', '--resume', path]);
    expect(second.code).toBe(1);
    expect(second.stderr).toMatch(
      new RegExp(
        `^error: ${path}: another process is training this run \\(process ${child.pid} on .*\\): wait for`,
        'm',
      ),
    );
    child.kill('SIGKILL');
    await outcome;
    expect(existsSync(join(path, 'lock'))).toBe(true);
    const third = await run(['train', '--resume', path], { said: ': epoch ', signal: 'SIGINT' });
    expect(third).toMatchObject({ code: 130 });
    expect(existsSync(join(path, 'lock'))).toBe(false);
  });

  it('stops when a loss is no number, and keeps the checkpoint before', async () => {
    const out = join(folder, 'nan');
    const settings = ['train.learningRate=40', 'train.warmupEpochs=3', 'train.epochs=60'];
    const { code, stderr } = await run([
      ...['train', yaml, '--out', out, '--quiet'],
      ...settings.flatMap((each) => ['--set', each]),
    ]);
    expect(code).toBe(1);
    const path = only(out);
    expect(stderr).toMatch(
      /^error: epoch \d+(?:, step \d+)?: (?:the loss of update '.*'|\S+) became (NaN|Infinity) \(losses of the step before: .*\d.*\): lower train\.learningRate, or add train\.warmupEpochs; the checkpoint after epoch \d+ is kept in .*checkpoints\n$/,
    );
    expect(readRunSummary(join(path, 'summary.json')).status).toBe('failed');
    expect(listCheckpoints(checkpointsOf(path)).length).toBeGreaterThan(0);
  });

  const room = join(tmpdir(), `locallearn-full-${process.pid}`);
  let mounted = false;
  // Only root may mount; others skip what needs it.
  beforeAll(() => {
    mkdirSync(room, { recursive: true });
    mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=6m', 'tmpfs', room]).status === 0;
  });
  afterAll(() => {
    if (mounted) spawnSync('umount', ['-l', room]);
    rmSync(room, { recursive: true, force: true });
  });

  it('says which file a full disk had no room for, and goes on when there is', async ({ skip }) => {
    skip(!mounted, 'cannot mount a small disk');
    const child = start(['train', yaml, '--out', join(room, 'runs')]);
    const outcome = ended(child);
    child.stderr.on('data', (chunk: Buffer) => {
      if (!chunk.toString().includes('epoch 2/')) return;
      // Whatever room is left.
      spawnSync('dd', ['if=/dev/zero', `of=${join(room, 'ballast')}`, 'bs=4k']);
    });
    const { code, stderr } = await outcome;
    const path = only(join(room, 'runs'));
    expect(stderr).toMatch(
      new RegExp(
        `^error: ${path}/\\S+: cannot be written, the disk is full: make room, then go on with: locallearn train --resume ${path}$`,
        'm',
      ),
    );
    expect(code).toBe(1);
    expect(losses(path)).toEqual(losses(straight).slice(0, losses(path).length));
    expect(losses(path).length).toBeGreaterThanOrEqual(2);
    rmSync(join(room, 'ballast'));
    await expectGoesOn(path);
  });

  it('says so where the folder is read-only', async ({ skip }) => {
    skip(!mounted, 'cannot mount a small disk');
    spawnSync('mount', ['-o', 'remount,ro', room]);
    const { code, stderr } = await run(['train', yaml, '--out', join(room, 'more')]);
    spawnSync('mount', ['-o', 'remount,rw', room]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/^error: .*: cannot make a folder for the run: EROFS/m);
  });
});
