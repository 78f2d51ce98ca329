import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readRunSummary } from '../../src/runs/summary.js';
import { sampleOf } from '../support/fuzz.js';
import { pictureConfig, writePictures, type Outcome } from './helpers.js';
import { faultConfig, hasGroups, startCommand } from './ranks.js';
import { residentProgram, residentRanks } from './resident.js';

const run = residentProgram();

let work: string;
beforeAll(async () => {
  work = mkdtempSync(join(tmpdir(), 'locallearn-blocks-'));
  await writePictures(join(work, 'data'));
});
afterAll(() => rmSync(work, { recursive: true }));

const methods = {
  man: 'method: { method: man, cuts: [layer1.0, layer2.0], auxiliary: 1c1f }',
  auglocal: 'method: { method: auglocal, depth: 1 }',
};

function config(method: keyof typeof methods): string {
  const path = join(work, `${method}.yaml`);
  writeFileSync(path, pictureConfig(join(work, 'data'), methods[method]));
  return path;
}

const runRanks = (size: number, args: readonly string[]): Promise<readonly Outcome[]> =>
  residentRanks(size, [...args, '--set', `parallel.blocks=${size}`, '--set', 'engine=torch']);

/** The only run in a folder: what does not depend on the clock. */
function numbers(out: string): object {
  const [name] = readdirSync(out);
  const folder = join(out, name!);
  const bytes = (path: string): Buffer => readFileSync(join(folder, path));
  return {
    weights: bytes('weights.safetensors').toString('base64'),
    checkpoint: existsSync(join(folder, 'checkpoints/epoch-2.safetensors'))
      ? bytes('checkpoints/epoch-2.safetensors').toString('base64')
      : undefined,
    config: bytes('config.yaml').toString(),
    accuracies: bytes('metrics.csv')
      .toString()
      .split('\n')
      .map((line) => line.split(',').slice(0, 4)),
  };
}

describe.skipIf(!hasGroups)('ranks that hold blocks', () => {
  it.each(sampleOf(['man', 'auglocal'] as const, 2))(
    'write the run of one process, to the byte: %s',
    async (method) => {
      const path = config(method);
      const [alone, ranks] = [join(work, `${method}-alone`), join(work, `${method}-ranks`)];
      const one = await run(['train', path, '--quiet', '--out', alone, '--set', 'engine=torch']);
      expect(one).toMatchObject({ code: 0 });
      const outcomes = await runRanks(2, ['train', path, '--quiet', '--out', ranks]);
      expect(outcomes.map(({ code, stderr }) => [code, stderr])).toEqual([
        [0, expect.stringMatching(/rank 0: blocks 1–\d, rank 1: blocks \d–\d/)],
        [0, ''],
      ]);
      expect(outcomes[1]!.stdout).toBe('');
      expect(numbers(ranks)).toEqual(numbers(alone));
      const summaryOf = (out: string) => readRunSummary(join(out, readdirSync(out)[0]!, 'summary.json'));
      expect(summaryOf(alone).ranks).toBeUndefined();
      const { ranks: told, peakMemoryBytes, blocks } = summaryOf(ranks);
      // Four batches of 16 in each of two epochs.
      expect(told).toMatchObject({ parallel: 'blocks', steps: 8 });
      const { perRank } = told!;
      expect(perRank.map(({ host }) => host)).toEqual([hostname(), hostname()]);
      expect(perRank.map((rank) => rank.blocks)).toEqual([
        [1, expect.any(Number)],
        [perRank[0]!.blocks![1] + 1, blocks],
      ]);
      expect(perRank[0]!.bytesPerStep).toBeGreaterThan(4 * 16 * 8 * 8);
      expect(Math.max(...perRank.map((rank) => rank.peakMemoryBytes))).toBe(peakMemoryBytes);
    },
  );

  it('begin with the state of another run as one process does, to the byte', async () => {
    const [path, first] = [config('man'), join(work, 'init-first')];
    const quiet = ['train', path, '--quiet'];
    expect(await run([...quiet, '--into', first, '--set', 'train.epochs=1'])).toMatchObject({ code: 0 });
    const [alone, ranks] = [join(work, 'init-alone'), join(work, 'init-ranks')];
    const init = ['--set', `train.init=${relative(process.cwd(), first)}`];
    const one = await run([...quiet, ...init, '--out', alone, '--set', 'engine=torch']);
    expect(one).toMatchObject({ code: 0 });
    const outcomes = await runRanks(2, [...quiet, ...init, '--out', ranks]);
    expect(outcomes.map(({ code }) => code)).toEqual([0, 0]);
    expect(numbers(ranks)).toEqual(numbers(alone));
  });

  it('a run that goes on in one process has the ranks of the last part: none', async () => {
    const [path, folder] = [join(work, 'goes-on.yaml'), join(work, 'goes-on')];
    writeFileSync(path, faultConfig);
    const outcomes = await residentRanks(
      2,
      ['train', path, '--quiet', '--into', folder, '--set', 'parallel.blocks=2'],
      // In its second epoch.
      { FAULT: '0 train 17 SIGTERM' },
    );
    expect(outcomes[0]!.code).toBe(143);
    const { ranks, status: how } = readRunSummary(join(folder, 'summary.json'));
    expect([how, ranks!.perRank.length]).toEqual(['interrupted', 2]);
    expect(await run(['train', '--resume', folder, '--quiet'])).toMatchObject({ code: 0 });
    expect(readRunSummary(join(folder, 'summary.json'))).not.toHaveProperty('ranks');
  });

  it('a rank with another config is refused at the start, and what differs is named', async () => {
    const path = config('man');
    const outcomes = await residentRanks(2, (rank) => [
      ...['train', path, '--out', join(work, 'other'), '--set', `train.epochs=${rank + 1}`],
      ...['--set', 'parallel.blocks=2', '--set', 'engine=torch'],
    ]);
    for (const { code, stderr } of outcomes) {
      expect(code).toBe(1);
      expect(stderr).toContain('train.epochs: 1 there, 2 here');
    }
    expect(existsSync(join(work, 'other'))).toBe(false);
  });

  it('without ranks, or without a word in the config on how they share, nothing is trained', async () => {
    const path = config('man');
    const out = ['--out', join(work, 'none'), '--set', 'engine=torch'];
    const none = await run(['train', path, ...out, '--set', 'parallel.blocks=2']);
    expect([none.code, none.stderr]).toEqual([1, expect.stringContaining('no ranks were started')]);
    // Before the others are waited for.
    const [first] = await startCommand(1, ['train', path, ...out, '--set', 'parallel.blocks=2'], {
      WORLD_SIZE: '3',
    });
    expect(await first!.outcome).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('parallel.blocks: 2, and 3 ranks were started: start 2') as string,
    });
    for (const { code, stderr } of await residentRanks(2, ['train', path, ...out]))
      expect([code, stderr]).toEqual([1, expect.stringContaining('set parallel.blocks=2')]);
  });
});
