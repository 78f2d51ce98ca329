import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { connect } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { nativeStatus } from '../../src/engine/torch/load-native.js';
import { loadConfig } from '../../src/config/config.js';
import { openExperiment } from '../../src/runs/experiment.js';
import { readMetrics } from '../../src/runs/metrics.js';
import { runExperiment } from '../../src/runs/run.js';
import { rankTable } from '../../src/runs/rank-table.js';
import { readRunSummary } from '../../src/runs/summary.js';
import { rankEnvironment } from '../distributed/ranks.js';
import { ended, start, pictureConfig, writePictures } from './helpers.js';
import { residentProgram, residentRanks } from './resident.js';

const run = residentProgram();

const status = nativeStatus();

describe.skipIf(!status.available || status.native.distributed === null)('train --parallel', () => {
  let folder: string;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'locallearn-parallel-'));
    await writePictures(join(folder, 'data'));
    writeFileSync(
      join(folder, 'a.yaml'),
      pictureConfig(join(folder, 'data'), 'method: { method: auglocal, depth: 2 }'),
    );
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  it('starts its own ranks, of which one writes a run folder', async () => {
    const out = join(folder, 'runs');
    const { code, stderr, stdout } = await run([
      'train',
      join(folder, 'a.yaml'),
      '--parallel',
      'data=2',
      '--out',
      out,
      '--quiet',
    ]);
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/^rank +host +blocks +parameters +summed a step +waited a step +peak$/m);
    expect(stdout).toMatch(/^of the last 8 training steps; peak of the largest: /m);
    const runs = readdirSync(out);
    expect(runs).toHaveLength(1);
    const { status, ranks, peakMemoryBytes } = readRunSummary(join(out, runs[0]!, 'summary.json'));
    expect([status, ranks?.parallel, ranks?.steps]).toEqual(['finished', 'data', 8]);
    const { perRank } = ranks!;
    expect(perRank).toHaveLength(2);
    // Every gradient is summed once a step.
    for (const rank of perRank) expect(rank.bytesPerStep).toBe(rank.parameterBytes);
    expect(Math.max(...perRank.map((rank) => rank.peakMemoryBytes))).toBe(peakMemoryBytes);
  });

  it('starts ranks for blocks and shares both, and writes the run of shares to the byte', async () => {
    const [mesh, data] = [join(folder, 'mesh'), join(folder, 'data-alone')];
    const args = ['train', join(folder, 'a.yaml'), '--quiet', '--set', 'train.epochs=1', '--parallel'];
    const { code, stderr } = await run([...args, 'blocks=2,data=2', '--into', mesh]);
    expect([code, stderr.replaceAll(/.*ranks 0, 2: blocks 1–\d; ranks 1, 3: blocks \d–\d\n/g, '')]).toEqual([
      0,
      '',
    ]);
    const shares = await residentRanks(2, [...args, 'data', '--into', data]);
    expect(shares.map(({ code, stderr }) => [code, stderr])).toEqual([
      [0, ''],
      [0, ''],
    ]);
    const bytes = (into: string, file: string) => readFileSync(join(into, file)).toString('base64');
    for (const file of ['weights.safetensors', 'config.yaml'])
      expect(bytes(mesh, file)).toBe(bytes(data, file));
    const { ranks } = readRunSummary(join(mesh, 'summary.json'));
    const [blocks, last] = [ranks!.perRank[0]!.blocks!, ranks!.perRank[1]!.blocks!];
    expect(ranks!.perRank.map((rank) => [rank.blocks, rank.share])).toEqual([
      [blocks, [1, 2]],
      [last, [1, 2]],
      [blocks, [2, 2]],
      [last, [2, 2]],
    ]);
    expect(rankTable(ranks!).rows.map((row) => row[3])).toEqual(['1 of 2', '1 of 2', '2 of 2', '2 of 2']);
  });

  it('begins with the state of another run as one process does, to rounding where nothing is normalised by batch', async () => {
    const path = join(folder, 'vit.yaml');
    const text = pictureConfig(join(folder, 'data'), 'method: { method: bp }');
    const vit = 'network: { name: vit, layers: 2, patchSize: 4, width: 16, heads: 2, mlpWidth: 32 }';
    writeFileSync(path, text.replace(/^network: .*$/m, vit));
    const inProcess = async (...set: string[]): Promise<string> => {
      const { config, registry } = await loadConfig(path, [...set, 'train.epochs=1', 'engine=torch']);
      const parent = join(folder, 'in-process');
      return (await runExperiment(await openExperiment(config, registry), config.method!, { parent })).folder;
    };
    const init = `train.init=${await inProcess()}`;
    const alone = await inProcess(init);
    const into = join(folder, 'from-another');
    const more = ['--set', init, '--set', 'train.epochs=1', '--into', into, '--quiet'];
    const outcomes = await residentRanks(2, ['train', path, '--parallel', 'data', ...more]);
    expect(outcomes.map(({ code, stderr }) => [code, stderr])).toEqual([
      [0, ''],
      [0, ''],
    ]);
    const [own, ranks] = [alone, into].map((run) => readMetrics(join(run, 'metrics.csv'))[0]!);
    expect(ranks!.trainLoss).toBeCloseTo(own!.trainLoss, 5);
    expect(ranks!.evaluationLoss).toBeCloseTo(own!.evaluationLoss, 5);
  });

  it('ends its ranks with a checkpoint when it is killed itself', async () => {
    const out = join(folder, 'killed');
    const args = ['--parallel', 'data=2', '--out', out, '--quiet', '--set', 'train.epochs=100000'];
    const launcher = start(['train', join(folder, 'a.yaml'), ...args]);
    const read = (name: string): string => {
      const [only] = existsSync(out) ? readdirSync(out) : [];
      const path = join(out, only ?? '', name);
      return only !== undefined && existsSync(path) ? readFileSync(path, 'utf8') : '';
    };
    const soon = { timeout: 120_000, interval: 100 };
    await vi.waitFor(() => expect(read('metrics.csv')).toContain('\n1,'), soon);
    launcher.kill('SIGKILL');
    await vi.waitFor(() => expect(read('summary.json')).toContain('"interrupted"'), soon);
    // The lock goes last.
    await vi.waitFor(() => expect(read('lock')).toBe(''), soon);
    const checkpoints = readdirSync(join(out, readdirSync(out)[0]!, 'checkpoints'));
    expect(checkpoints).toContainEqual(expect.stringMatching(/^epoch-\d+.*\.json$/));
  });

  it('a signal ends a rank at once that waits for others, as nothing is there yet to end well', async () => {
    const own = (await rankEnvironment(2))(0);
    const args = ['train', join(folder, 'a.yaml'), '--out', join(folder, 'alone'), '--set', 'engine=torch'];
    const rank = start([...args, '--parallel', 'data'], own);
    const outcome = ended(rank);
    // It is where the ranks meet.
    await vi.waitFor(
      () =>
        new Promise<void>((resolve, reject) => {
          const socket = connect(Number(own['MASTER_PORT']), '127.0.0.1', resolve).on('error', reject);
          socket.on('connect', () => socket.destroy());
        }),
      { timeout: 60_000, interval: 100 },
    );
    rank.kill('SIGTERM');
    const { code, stderr } = await outcome;
    expect(code).toBe(128 + 15);
    expect(stderr).not.toContain('stopping');
  });

  it('refuses what is no way to share the work', async () => {
    const { code, stderr } = await run(['train', join(folder, 'a.yaml'), '--parallel', 'data=0']);
    expect(code).toBe(2);
    expect(stderr).toContain(
      '--parallel must be "data", "data=RANKS", "blocks=RANKS" or "blocks=RANKS,data=TIMES", got "data=0"',
    );
  });
});
