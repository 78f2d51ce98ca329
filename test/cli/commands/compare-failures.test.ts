import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { readMetrics } from '../../../src/runs/metrics.js';
import { readComparison } from '../../../src/runs/summary.js';
import { pictureConfig, writePictures } from '../helpers.js';
import { residentProgram } from '../resident.js';

const run = residentProgram();

// Each test starts several processes.
vi.setConfig({ testTimeout: 120_000 });

const plugin = `
import { defineLoss, definePlugin, labels, z } from 'locallearn';
const whole = labels('cross-entropy');
const attach = (...place) => {
  const { layers } = whole.attach(...place);
  return { layers, loss() { throw new TypeError('broken'); } };
};
export const plugin = definePlugin({
  losses: [defineLoss({ name: 'broken', options: z.strictObject({}), build: () => ({ ...whole, attach }) })],
});
`;
const wild = '{ method: custom, label: wild, blocks: 2, loss: { name: cross-entropy, weight: 1e30 } }';

let folder: string;
let data: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'locallearn-failures-'));
  data = join(folder, 'data');
  await writePictures(data);
  writeFileSync(join(folder, 'broken.mjs'), plugin);
});
afterAll(() => rmSync(folder, { recursive: true }));

function config(name: string, methods: string): string {
  const path = join(folder, `${name}.yaml`);
  writeFileSync(path, pictureConfig(data, `methods: [${methods}]`));
  return path;
}

const runsOf = (out: string, label: string): string[] =>
  readdirSync(out).filter((name) => name.includes(`-tiny-${label}-s`));

/** What a label's run in a comparison came to, and its peak. */
const measured = (path: string, label: string): unknown =>
  readMetrics(join(path, runsOf(path, label)[0]!, 'metrics.csv')).map(
    ({ trainLoss, evaluationAccuracy, peakMemoryBytes }) => [trainLoss, evaluationAccuracy, peakMemoryBytes],
  );

it('a method that diverges is a row, the others are trained as if alone, and a rerun tells of it', async () => {
  const yaml = config('wild', `{ method: bp }, ${wild}, { method: dgl }`);
  const out = join(folder, 'wild');
  const first = await run(['compare', yaml, '--out', out]);
  expect(first.code).toBe(1);
  expect(first.stderr).toMatch(/^wild, seed 1: diverged at epoch 1, step \d; the comparison goes on$/m);
  expect(first.stderr).toMatch(/^error: wild, seed 1: epoch 1, step \d: the loss of update .* became /m);
  const failure = /diverged at epoch 1, step \d/.exec(first.stderr)![0];
  const rows = new RegExp(`^bp +1 .*\\n^dgl +\\d+ .*\\n^wild +2 +${failure}  `, 'm');
  expect(first.stdout).toMatch(rows);
  expect(readComparison(join(out, 'summary.json')).map(({ label }) => label)).toEqual(['bp', 'dgl']);
  expect(JSON.parse(readFileSync(join(out, 'summary.json'), 'utf8'))).toMatchObject({
    failed: [{ label: 'wild', method: 'custom', seed: 1, failure, folder: runsOf(out, 'wild')[0] }],
  });
  expect(readFileSync(join(out, 'table.md'), 'utf8')).toContain(`| ${failure} |`);
  expect(readFileSync(join(out, 'table.csv'), 'utf8')).toMatch(
    new RegExp(`^custom,wild,.*,"${failure}"$`, 'm'),
  );

  const alone = join(folder, 'alone');
  expect((await run(['compare', config('dgl', '{ method: dgl }'), '--out', alone, '--quiet'])).code).toBe(0);
  expect(measured(out, 'dgl')).toEqual(measured(alone, 'dgl'));

  const before = readdirSync(out);
  const again = await run(['compare', yaml, '--out', out]);
  expect(again.code).toBe(1);
  expect(again.stderr).toMatch(new RegExp(`^wild, seed 1: ${failure}, see .*; --retry tries it again$`, 'm'));
  expect(again.stderr).toMatch(/^dgl, seed 1: is finished in /m);
  expect(again.stdout).toMatch(rows);
  expect(readdirSync(out)).toEqual(before);

  const retried = await run(['compare', yaml, '--out', out, '--retry', '--json', '--quiet']);
  expect(retried.code).toBe(1);
  expect(runsOf(out, 'wild')).toHaveLength(2);
  const lines = retried.stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  expect(lines.map(({ label, status }) => [label, status])).toEqual([
    ['bp', undefined],
    ['dgl', undefined],
    ['wild', 'failed'],
  ]);
});

it('a method whose code is broken does not keep the others from their training either', async () => {
  const broken = '{ method: custom, label: broken, blocks: 2, loss: broken }';
  const out = join(folder, 'broken');
  const { code, stdout, stderr } = await run([
    ...['compare', config('broken', `${broken}, ${wild}, { method: bp }`), '--seeds', '1,2'],
    ...['--plugin', join(folder, 'broken.mjs'), '--out', out, '--quiet', '--set', 'train.epochs=1'],
  ]);
  expect(code).toBe(1);
  expect(stderr).toMatch(
    /^error: broken\nit comes from .*broken\.mjs:\d+:\d+, which is not part of locallearn:$/m,
  );
  expect(stdout).toMatch(
    /^bp +1 +2 +\d.*\n^broken, seed 1 +2 +1 +failed .*\n^wild.*\n^broken, seed 2 +2 +1 +failed /m,
  );
  // Those that are told in a line stand before the one that is told with its place.
  expect(stderr).toMatch(
    /^error: wild, seed 1: epoch 1, step \d: .*\n.*^wild, seed 2: epoch 1, .*^error: broken$/ms,
  );
  const alone = join(folder, 'bp-alone');
  const args = ['--out', alone, '--quiet', '--set', 'train.epochs=1'];
  expect((await run(['compare', config('bp', '{ method: bp }'), ...args])).code).toBe(0);
  expect(measured(out, 'bp')).toEqual(measured(alone, 'bp'));
});

it('where every method fails there is a table of that', async () => {
  const out = join(folder, 'all');
  const args = ['compare', config('all', '{ method: bp }'), '--out', out, '--quiet'];
  const failed = await run([...args, '--set', 'train.learningRate=1e30']);
  expect(failed.code).toBe(1);
  expect(failed.stdout).toMatch(
    /^method +blocks +last epoch .*\n.*\n^bp +1 +diverged at epoch 1, step \d  /m,
  );
});
