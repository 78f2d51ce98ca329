import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'csv-parse/sync';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { pictureConfig, writePictures } from '../helpers.js';
import { residentProgram } from '../resident.js';

const run = residentProgram();

let folder: string;
let config: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'locallearn-sweep-'));
  await writePictures(join(folder, 'data'));
  config = join(folder, 'tiny.yaml');
  writeFileSync(config, pictureConfig(join(folder, 'data'), 'method: { method: auglocal, depth: 1 }'));
});
afterAll(() => rmSync(folder, { recursive: true }));

it('trains every combination once, and tables them', { timeout: 120_000 }, async () => {
  const out = join(folder, 'out');
  const args = [
    ...['sweep', config, '--out', out, '--set', 'train.epochs=1'],
    ...['--over', 'train.learningRate=0.05,0.1', '--over', 'method.depth=1,2'],
  ];
  const first = await run(args);
  expect(first.code, first.stderr).toBe(0);
  expect(first.stderr).toContain('2 of 4: train.learningRate=0.05, method.depth=2\n');
  expect(first.stdout).toMatch(/^method +learningRate +depth +accuracy/);
  expect(first.stdout.match(/^auglocal/gm)).toHaveLength(4);
  const rows = (): Record<string, string>[] =>
    parse(readFileSync(join(out, 'sweep.csv'), 'utf8'), { columns: true });
  const before = rows();
  expect(before.map((row) => [row['train.learningRate'], row['method.depth']])).toEqual([
    ...[
      ['0.05', '1'],
      ['0.05', '2'],
    ],
    ...[
      ['0.1', '1'],
      ['0.1', '2'],
    ],
  ]);
  const again = await run(args);
  expect(again.stderr.match(/is finished in/g)).toHaveLength(4);
  expect(rows()).toEqual(before);
});

it(
  'checks every combination before the first is trained, and tells all that is wrong',
  { timeout: 60_000 },
  async () => {
    const out = join(folder, 'never');
    const over = [
      ...['--over', 'method.depth=1,0', '--over', 'network.layers=8,9'],
      ...['--over', 'train.batchSize=16,500'],
    ];
    const { code, stderr } = await run(['sweep', config, '--out', out, ...over]);
    expect(code).toBe(1);
    // Of the data and of two keys: each once, with the combinations that it is of.
    const place = (set: string): string => `and 3 more: ${config}: --set ${set}`;
    expect(stderr.trimEnd().split('\n')).toEqual([
      'error: method.depth=1, network.layers=8, train.batchSize=500: batchSize: a batch of 500 is larger than the data set, 64 images: choose a smaller one',
      `error: method.depth=1, network.layers=9, train.batchSize=16 ${place('network.layers=9')}: network.layers: must be 6m+2: 8, 14, 20, 26, 32, … 110`,
      `error: method.depth=0, network.layers=8, train.batchSize=16 ${place('method.depth=0')}: method.depth: must be at least 1, not 0`,
    ]);
    expect(existsSync(out)).toBe(false);
    const methods = 'methods=[{ method: dgl, blocks: 9 }, { method: hpff, blocks: 9 }]';
    const both = await run(['sweep', config, '--out', out, '--set', methods, '--over', 'train.epochs=1,2']);
    expect(both.stderr).toMatch(/^error: dgl: blocks: 9 is more .*\nerror: hpff: blocks: 9 is more .*\n$/);
    const twins = await run(['sweep', config, '--out', out, '--over', 'train.learningRate=0.1,1e-1']);
    expect(twins.stderr).toBe('error: train.learningRate=1e-1: is there twice, written in two ways\n');
    const useless = await run(['sweep', config, '--out', out, '--over', 'name=a,b']);
    expect(useless).toMatchObject({ code: 2, stderr: expect.stringContaining('--over name') as string });
  },
);

it(
  'goes on where a run fails or a combination cannot begin, and says so at the end',
  { timeout: 60_000 },
  async () => {
    const out = join(folder, 'failing');
    const { code, stdout, stderr } = await run([
      ...['sweep', config, '--out', out, '--set', 'train.epochs=1', '--set', 'method.method=dgl'],
      ...['--over', 'method.cuts=balanced,[layer2.0]', '--over', 'train.learningRate=1e30,0.05'],
    ]);
    expect(code).toBe(1);
    // Nothing said how many blocks there shall be: measuring would tell where.
    expect(stdout).toMatch(/^dgl +balanced +1e\+30 +failed /m);
    expect(stdout).toMatch(/^dgl +balanced +0\.05 +failed /m);
    expect(stdout).toMatch(/^dgl, seed 1 +\["layer2\.0"\] +1e\+30 +diverged at epoch 1, step \d /m);
    expect(stdout).toMatch(/^dgl +\["layer2\.0"\] +0\.05 +\d+\.\d+ % /m);
    expect(stderr).toContain(
      "error: method.cuts=balanced, train.learningRate=1e+30: dgl: cuts 'balanced' need blocks",
    );
    expect(stderr).toMatch(/^error: .*dgl-s1, seed 1: .*became/m);
    const rows: Record<string, string>[] = parse(readFileSync(join(out, 'sweep.csv'), 'utf8'), {
      columns: true,
    });
    expect(rows.map(({ failure }) => failure)).toEqual([
      ...['failed', 'failed', expect.stringMatching(/^diverged/) as string, ''],
    ]);
  },
);

it('takes text as it is written', { timeout: 60_000 }, async () => {
  const zoo = join(folder, 'zoo #2');
  renameSync(join(folder, 'data'), zoo);
  const out = join(folder, 'text');
  const { code, stdout, stderr } = await run([
    ...['sweep', config, '--out', out, '--set', 'train.epochs=1', '--over', `data.dir=${zoo}`],
  ]);
  expect(code, stderr).toBe(0);
  expect(stdout).toMatch(/^auglocal +\S*\/zoo #2 +\d/m);
});
