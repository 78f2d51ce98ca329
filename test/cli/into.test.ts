import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { decodeSafetensors } from '../../src/formats/safetensors.js';
import { readRunSummary } from '../../src/runs/summary.js';
import { pictureConfig, writePictures } from './helpers.js';
import { residentProgram, residentRanks } from './resident.js';
import { hasGroups, killAll, outcomesOf, startCommand, weightsHash, type CommandRank } from './ranks.js';

const run = residentProgram();

// Each starts several processes, one after another.
vi.setConfig({ testTimeout: 600_000 });

let work: string;
let config: string;
beforeAll(async () => {
  work = mkdtempSync(join(tmpdir(), 'locallearn-into-'));
  await writePictures(join(work, 'data'));
  config = join(work, 'a.yaml');
  writeFileSync(config, pictureConfig(join(work, 'data'), 'method: { method: auglocal, depth: 1 }'));
});
afterAll(() => rmSync(work, { recursive: true }));

/** A run from beginning to end, once for all who compare with it. */
let trained: Promise<string> | undefined;
const straightRun = (): Promise<string> => {
  trained ??= (async () => {
    const folder = join(work, 'straight');
    expect(await run(['train', config, '--quiet', '--into', folder])).toMatchObject({ code: 0 });
    return folder;
  })();
  return trained;
};

const statusOf = (folder: string): string => readRunSummary(join(folder, 'summary.json')).status;

describe('train --into', () => {
  it('begins in that folder, goes on there to the same bits, and says when there is nothing left', async () => {
    const [straight, folder] = [await straightRun(), join(work, 'below/folder')];
    const command = ['train', config, '--into', folder];
    const first = await run(command, { said: 'epoch 1/2', signal: 'SIGTERM' });
    expect(first).toMatchObject({ code: 143 });
    expect(statusOf(folder)).toBe('interrupted');
    const second = await run(command);
    expect([second.code, second.stderr]).toEqual([0, expect.stringContaining('goes on from the checkpoint')]);
    expect(weightsHash(folder)).toBe(weightsHash(straight));
    const third = await run([...command, '--quiet']);
    expect(third).toMatchObject({
      code: 0,
      stderr: `${folder}: this run is finished, there is nothing left to do\n`,
    });
    const other = await run([...command, '--set', 'train.epochs=3', '--set', 'method.depth=2']);
    expect(other.code).toBe(1);
    expect(other.stderr).toContain(`${folder}: the run is of another config`);
    expect(other.stderr).toContain('train.epochs: 2 there, 3 here');
    expect(other.stderr).toContain('method.depth: 1 there, 2 here');
  });

  it('takes a folder in which a run ended before it had a config, and no other that is not empty', async () => {
    const folder = join(work, 'early');
    mkdirSync(folder);
    writeFileSync(join(folder, 'config.yaml.123.tmp'), 'na');
    writeFileSync(join(folder, 'lock'), JSON.stringify({ pid: process.pid, host: hostname() }));
    const early = ['train', config, '--quiet', '--into', folder, '--set', 'train.epochs=1'];
    expect((await run(early)).stderr).toContain('another process is training this run');
    rmSync(join(folder, 'lock'));
    expect(await run(early)).toMatchObject({ code: 0 });
    expect(existsSync(join(folder, 'config.yaml.123.tmp'))).toBe(false);
    const { code, stderr } = await run(['train', config, '--into', join(work, 'data')]);
    expect([code, stderr]).toEqual([1, expect.stringContaining("is not empty and no run's folder")]);
  });

  describe.skipIf(!hasGroups)('on ranks, of which the first alone sees the folder', () => {
    let ranks: readonly CommandRank[] = [];
    afterEach(() => killAll(ranks));
    const command = (share: string, folder: string) => (rank: number) => [
      ...['train', config, '--quiet', '--set', share, '--set', 'engine=torch'],
      ...['--into', rank === 0 ? folder : join(work, 'of-another-host')],
    ];

    it('data: a signal to one ends both with a checkpoint; all go on from it to the same parameters', async () => {
      const [straight, folder] = [join(work, 'data-straight'), join(work, 'data-ranks')];
      const first = await residentRanks(2, command('parallel=data', straight));
      expect(first.map(({ code }) => code)).toEqual([0, 0]);
      ranks = await startCommand(2, command('parallel=data', folder));
      const outcomes = outcomesOf(ranks);
      await begun(folder);
      ranks[1]!.child.kill('SIGINT');
      expect((await outcomes)[1]).toMatchObject({ code: 130 });
      expect(statusOf(folder)).toBe('interrupted');
      const last = await residentRanks(2, command('parallel=data', folder));
      expect(last.map(({ code }) => code)).toEqual([0, 0]);
      expectSameParameters(folder, straight);
    });

    it('blocks: nothing is left, or the config is another', async () => {
      const folder = await straightRun();
      const nothing = await residentRanks(2, command('parallel.blocks=2', folder));
      expect(nothing.map(({ code, stderr }) => [code, stderr])).toEqual([
        [0, `${folder}: this run is finished, there is nothing left to do\n`],
        [0, ''],
      ]);
      const other = await residentRanks(2, (rank) => [
        ...command('parallel.blocks=2', folder)(rank),
        ...['--set', 'train.momentum=0.5'],
      ]);
      for (const { code, stderr } of other) {
        expect([code, stderr]).toEqual([1, expect.stringContaining('train.momentum: 0.9 there, 0.5 here')]);
      }
    });
  });
});

/** Running statistics, which ranks have of their own between averages, are the same to rounding alone. */
function expectSameParameters(folder: string, other: string): void {
  const [a, b] = [folder, other].map((each) => {
    const path = join(each, 'weights.safetensors');
    return decodeSafetensors(readFileSync(path), path).tensors;
  });
  for (const [name, { values }] of a!) {
    const there = Array.from(b!.get(name)!.values, Number);
    const here = Array.from(values, Number);
    if (!name.includes('.running_')) expect([name, here]).toEqual([name, there]);
    else here.forEach((value, i) => expect(value).toBeCloseTo(there[i]!, 5));
  }
}

/** Settled when a run's first epoch has its metrics. */
async function begun(folder: string): Promise<void> {
  const path = join(folder, 'metrics.csv');
  await vi.waitFor(() => expect(existsSync(path) && readFileSync(path, 'utf8')).toContain('\n1,'), {
    timeout: 120_000,
    interval: 20,
  });
}
