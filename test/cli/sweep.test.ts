import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'csv-parse/sync';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { pictureConfig, writePictures } from './helpers.js';
import { residentProgram } from './resident.js';

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

it('checks every combination before the first is trained', { timeout: 60_000 }, async () => {
  const out = join(folder, 'never');
  const { code, stderr } = await run(['sweep', config, '--out', out, '--over', 'method.depth=1,0']);
  expect(code).toBe(1);
  expect(stderr).toContain('method.depth');
  expect(() => readFileSync(join(out, 'sweep.csv'))).toThrow();
  const useless = await run(['sweep', config, '--out', out, '--over', 'name=a,b']);
  expect(useless).toMatchObject({ code: 2, stderr: expect.stringContaining('--over name') as string });
});
