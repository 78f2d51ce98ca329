import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { parse } from 'yaml';
import { residentProgram } from '../resident.js';

const run = residentProgram();

let folder: string;
beforeAll(() => (folder = mkdtempSync(join(tmpdir(), 'locallearn-config-'))));
afterAll(() => rmSync(folder, { recursive: true }));

it('prints a config whole, as one that means the same', { timeout: 60_000 }, async () => {
  const args = ['--set', 'train.epochs=2', '--seed', '7'];
  const first = await run(['config', 'configs/demo.yaml', ...args]);
  expect(first.code, first.stderr).toBe(0);
  const document = parse(first.stdout) as Record<string, unknown>;
  expect(document).toMatchObject({ seed: 7, train: { epochs: 2, momentum: 0.9 } });
  expect(document).not.toHaveProperty('extends');
  const path = join(folder, 'resolved.yaml');
  writeFileSync(path, first.stdout);
  expect((await run(['config', path])).stdout).toBe(first.stdout);
  expect(JSON.parse((await run(['config', path, '--json'])).stdout)).toEqual(document);
});

it('says what is wrong with one', async () => {
  const { code, stdout, stderr } = await run(['config', 'configs/demo.yaml', '--set', 'train.epoch=2']);
  expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  expect(stderr).toContain('train.epoch');
});
