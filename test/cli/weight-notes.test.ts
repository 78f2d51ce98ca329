import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it, vi } from 'vitest';
import { readComparison, readRunSummary } from '../../src/runs/summary.js';
import { pictureConfig, writePictures } from './helpers.js';
import { residentProgram } from './resident.js';

const run = residentProgram();

// Several processes one after another.
vi.setConfig({ testTimeout: 120_000 });

let folder: string;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'locallearn-weights-'));
  await writePictures(join(folder, 'data'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const note = 'block 2: loss weight 0 of reconstruction, 0 of classification: its loss trains nothing';

it('a loss that weighs nothing is told at the start and stands in log, summary, table and report', async () => {
  const config = join(folder, 'c.yaml');
  writeFileSync(config, pictureConfig(join(folder, 'data'), 'methods: [{ method: man, blocks: 3 }]'));
  const out = join(folder, 'out');
  const { code, stdout, stderr } = await run(['compare', config, '--out', out, '--quiet']);
  expect(code).toBe(0);
  expect(stderr.match(/man: block 2: loss weight 0/g)).toHaveLength(1);
  expect(stdout.split('\n')).toContain(`man: ${note}`);
  expect(readFileSync(join(out, 'table.md'), 'utf8')).toContain(`\nman: ${note}\n`);
  expect(readComparison(join(out, 'summary.json')).map(({ weightNotes }) => weightNotes)).toEqual([
    undefined,
    [note],
  ]);
  const man = readdirSync(out).find((name) => name.includes('-man-'))!;
  expect(readRunSummary(join(out, man, 'summary.json')).weightNotes).toEqual([note]);
  const [start] = readFileSync(join(out, man, 'log.jsonl'), 'utf8').split('\n');
  expect(JSON.parse(start!)).toMatchObject({ msg: 'start', weightNotes: [note] });
  expect((await run(['report', out])).code).toBe(0);
  expect(readFileSync(join(out, 'report.html'), 'utf8')).toContain(`<li>man: ${note}</li>`);
});
