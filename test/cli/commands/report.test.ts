import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { epochsOf, writeRun } from '../../report/folders.js';
import { ended, start } from '../helpers.js';
import { residentProgram } from '../resident.js';

const run = residentProgram();

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'locallearn-report-'));
  writeRun(join(folder, 'runs', 'one'), { epochs: epochsOf([0.5, 0.75]) });
  writeRun(join(folder, 'runs', 'broken'));
  writeFileSync(join(folder, 'runs', 'broken', 'metrics.csv'), '');
  mkdirSync(join(folder, 'empty'));
});
afterAll(() => rmSync(folder, { recursive: true }));

it('writes the report of a folder into it, and says what it left out', async () => {
  const { code, stdout, stderr } = await run(['report', join(folder, 'runs')]);
  const path = join(folder, 'runs', 'report.html');
  expect(code).toBe(0);
  expect(stdout).toContain(`report: ${path} (1 run, `);
  expect(stderr).toMatch(/^warning: left out: .*broken\/metrics.csv: .*\n$/);
  expect(readFileSync(path, 'utf8').includes('75.00 %')).toBe(true);
});

it('says so where there are no runs', async () => {
  const { code, stderr } = await run(['report', join(folder, 'empty')]);
  expect(code).toBe(1);
  expect(stderr).toMatch(/^error: .*empty: no runs here; a run folder has .*\n$/);
});

it.each([
  ['SIGINT', 130],
  ['SIGTERM', 143],
] as const)('serves the report until %s', async (signal, code) => {
  const child = start(['watch', join(folder, 'runs'), '--port', '0']);
  const outcome = ended(child);
  const url = await new Promise<string>((resolve, reject) => {
    child.stdout.on('data', (chunk: Buffer) => resolve(/http:\S+/.exec(chunk.toString())![0]));
    void outcome.then(({ stderr }) => reject(new Error(stderr)));
  });
  expect((await (await fetch(url)).text()).includes('75.00 %')).toBe(true);
  child.kill(signal);
  expect(await outcome).toMatchObject({ code, stderr: '\nclosing the page\n' });
});
