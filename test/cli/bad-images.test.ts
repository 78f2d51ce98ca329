import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { parse } from 'yaml';
import { readMetrics } from '../../src/runs/metrics.js';
import { readComparison, readRunSummary } from '../../src/runs/summary.js';
import { residentProgram } from './resident.js';

const run = residentProgram();

// Each test starts several processes.
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

let folder: string;
let bad: string[];
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'locallearn-bad-'));
  for (const split of ['train', 'test']) {
    for (const [label, background] of Object.entries({ cat: '#e02010', dog: '#1030e0' })) {
      mkdirSync(join(folder, 'D', split, label), { recursive: true });
      for (let i = 0; i < 12; i++) {
        const create = { width: 32, height: 32, channels: 3, background } as const;
        await sharp({ create }).toFile(join(folder, 'D', split, label, `${i}.png`));
      }
    }
  }
  bad = ['train/cat/3.png', 'test/dog/7.png'].map((name) => join(folder, 'D', name));
  for (const path of bad) writeFileSync(path, readFileSync(path).subarray(0, 60));
});
afterAll(() => rmSync(folder, { recursive: true }));

function config(onBadImage: string, method = 'method: { method: bp }'): string {
  const path = join(folder, `${onBadImage}.yaml`);
  writeFileSync(
    path,
    `
name: tiny
data: { name: folder, dir: ${JSON.stringify(join(folder, 'D'))}, imageSize: 32, onBadImage: ${onBadImage} }
network: { name: resnet, layers: 8 }
train: { epochs: 2, batchSize: 8, learningRate: 0.05, schedule: constant, workers: 1 }
${method}
`,
  );
  return path;
}

const only = (out: string): string => {
  const folders = readdirSync(out, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  expect(folders).toHaveLength(1);
  return join(out, folders[0]!.name);
};

it('that are skipped are counted and named at the end, in the table, in the summary and in the report', async () => {
  const out = join(folder, 'skip');
  const args = ['compare', config('skip', 'methods: [{ method: dgl }]'), '--out', out, '--quiet'];
  const { code, stdout } = await run(args);
  expect(code).toBe(0);
  const line = /^2 image files could not be decoded and were left out: (.*)$/m;
  expect(line.exec(stdout)?.[1]?.split(', ').sort()).toEqual([...bad].sort());
  expect(stdout).toMatch(/ bad images\n.*\nbp .* 2\ndgl .* 2\n/);
  const table = readFileSync(join(out, 'table.md'), 'utf8');
  expect(line.exec(table)?.[1]?.split(', ').sort()).toEqual([...bad].sort());
  expect(table).toMatch(/ bad images \|$/m);
  for (const path of bad) expect(readFileSync(join(out, 'table.csv'), 'utf8')).toContain(path);
  for (const { badFiles } of readComparison(join(out, 'summary.json'))) {
    expect(badFiles?.map(({ path }) => path).sort()).toEqual([...bad].sort());
    for (const { reason } of badFiles!) expect(reason).toMatch(/truncated/);
  }
  expect((await run(args)).stdout).toMatch(line);
  expect((await run(['report', out])).code).toBe(0);
  const html = readFileSync(join(out, 'report.html'), 'utf8');
  expect(html).toContain('2 image files could not be decoded and were left out');
  for (const path of bad) expect(html).toContain(`${path}: is truncated`);
});

it('that end a run are left out by what the message says to type, to the numbers of a run that left them out', async () => {
  const out = join(folder, 'fail');
  // Workers decode the images of the first epoch before the bad one is met; its checkpoint is in the middle of it.
  const failed = await run(['train', config('fail'), '--out', out, '--quiet', '--set', 'train.batchSize=2']);
  expect(failed.code).toBe(1);
  const path = only(out);
  const said = /the run is kept as it was .*: go on with: locallearn (.*)$/m.exec(failed.stderr)?.[1] ?? '';
  expect(said).toBe(`train --resume ${path} --set data.onBadImage=skip`);
  const resumed = await run(said.split(' '));
  expect({ code: resumed.code, stderr: resumed.stderr }).toMatchObject({ code: 0 });
  expect(resumed.stdout).toContain('2 image files could not be decoded and were left out: ');
  expect(readRunSummary(join(path, 'summary.json'))).toMatchObject({ status: 'finished', epochs: 2 });
  expect(parse(readFileSync(join(path, 'config.yaml'), 'utf8'))).toMatchObject({
    data: { onBadImage: 'skip' },
  });
  const back = await run(['train', '--resume', path, '--set', 'data.onBadImage=fail']);
  expect(back.stderr).toMatch(/data\.onBadImage: "skip" there, "fail" here/);
  const straight = join(folder, 'straight');
  const args = ['train', config('skip'), '--out', straight, '--quiet', '--set', 'train.batchSize=2'];
  expect((await run(args)).code).toBe(0);
  const losses = (run: string): number[] =>
    readMetrics(join(run, 'metrics.csv')).map(({ trainLoss }) => trainLoss);
  expect(losses(path)).toEqual(losses(only(straight)));
});

it('that ended a run of a comparison are mended, and the same command trains it anew', async () => {
  const out = join(folder, 'mended');
  const args = ['compare', config('fail'), '--out', out, '--quiet', '--set', 'train.epochs=1'];
  const failed = await run(args);
  expect(failed.code).toBe(1);
  expect(failed.stdout).toMatch(/^bp .* failed /m);
  for (const path of bad) writeFileSync(path, readFileSync(path.replace(/\d+\.png$/, '0.png')));
  const again = await run(args);
  expect({ code: again.code, stderr: again.stderr }).toEqual({ code: 0, stderr: '' });
  expect(readComparison(join(out, 'summary.json'))).toMatchObject([{ method: 'bp', epochs: 1 }]);
});
