import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { residentProgram } from '../cli/resident.js';
import { hasTorch } from '../support/engine.js';

const run = residentProgram();

const folder = mkdtempSync(join(tmpdir(), 'locallearn-parity-'));
afterAll(() => {
  rmSync(folder, { recursive: true });
});
const published = 'test/fixtures/golden/greedy-resnet32-k16.json';

/** The published file with some of it changed. */
function changed(name: string, change: Readonly<Record<string, unknown>>): string {
  const path = join(folder, name);
  const golden = JSON.parse(readFileSync(published, 'utf8')) as Record<string, unknown>;
  writeFileSync(path, JSON.stringify({ ...golden, ...change }));
  return path;
}

const linesOf = (stdout: string): unknown[] =>
  stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as unknown);

describe.skipIf(!hasTorch)('locallearn parity', () => {
  test('prints a line of JSON for each file, and exits with 0 if all pass', async () => {
    const other = join(folder, 'other.json');
    copyFileSync(published, other);
    const { code, stdout, stderr } = await run(['parity', published, other, '--engine', 'torch']);
    expect([code, stderr]).toEqual([0, '']);
    const numbers = Object.fromEntries(
      ['loss', 'logits', 'parameters', 'running'].map((group) => [group, expect.any(Number) as number]),
    );
    expect(linesOf(stdout)).toMatchObject(
      [published, other].map((file) => ({ file, rule: 'rounding', ...numbers, missing: [], pass: true })),
    );
  });

  test('exits with 1 if a file fails, cannot be rebuilt or cannot be read, and goes on with the others', async () => {
    const wrong = changed('wrong.json', {
      loss_trace: [1, 2, 3].map(() => Array.from({ length: 16 }, () => 9)),
    });
    const unknown = changed('unknown.json', { method: 'gredy' });
    const option = changed('option.json', { options: { dataset: 'cifar10', dropout: 0.5 } });
    const missing = join(folder, 'missing.json');
    const { code, stdout, stderr } = await run(['parity', wrong, unknown, option, missing]);
    expect(code).toBe(1);
    expect(linesOf(stdout)).toMatchObject([{ file: wrong, pass: false }]);
    expect(stderr.split('\n')).toEqual([
      // Whatever methods there are.
      expect.stringMatching(/unknown\.json: method: 'gredy' is none of bp, .* \(did you mean "greedy"\?\)$/),
      expect.stringContaining(`error: ${option}: options.dropout: unknown key; allowed: dataset, `),
      expect.stringContaining(`error: ${missing}: ENOENT`),
      '',
    ]);
  });

  test('judges a sharp file by its own rule, and with --strict allows nothing for rounding in any', async () => {
    const sharp = 'test/fixtures/golden/sharp/infopro-resnet32-k9.json';
    const late = changed('late.json', { eval_logits: new Array(4).fill(new Array(10).fill(1)) });
    const { code, stdout } = await run(['parity', '--strict', sharp, published, late]);
    expect(code).toBe(1);
    expect(linesOf(stdout)).toMatchObject([
      { file: sharp, rule: 'sharp', limits: { loss: 2.71e-6 }, pass: true },
      { file: published, rule: 'strict', limits: { loss: 1e-3 }, pass: true },
      { file: late, rule: 'strict', pass: false },
    ]);
  });

  test('of a file that is not of the form says where', async () => {
    const path = changed('form.json', { steps: 'three' });
    const { code, stdout, stderr } = await run(['parity', path]);
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toBe(`error: ${path}: steps: must be a number, not "three"\n`);
  });
});
