import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';

const program = 'experiments/peer/check.py';
const golden = 'test/fixtures/golden/reference/auglocal-resnet20-k10-d2.json';

/** Debian's own comes second: another may stand before it. */
const python = ['python3', '/usr/bin/python3'].find(
  (name) => spawnSync(name, ['-c', 'import torch, numpy']).status === 0,
);
const check = (path: string) => spawnSync(python!, [program, path], { encoding: 'utf8' });

describe.skipIf(python === undefined)("plain PyTorch beside golden files (needs python3's torch)", () => {
  test('has the losses that were recorded', () => {
    const { status, stdout, stderr } = check(golden);
    expect(stderr).toBe('');
    expect(stdout).toMatch(
      /^ok {3}auglocal-resnet20-k10-d2\.json: first step \S+ \(at most 1e-04\), later steps/,
    );
    expect(status).toBe(0);
  });

  test('fails where one loss is another', () => {
    const folder = mkdtempSync(join(tmpdir(), 'locallearn-peer-'));
    const path = join(folder, 'changed.json');
    const file = JSON.parse(readFileSync(golden, 'utf8')) as { loss_trace: number[][] };
    file.loss_trace.at(-1)![0]! *= 1.001;
    writeFileSync(path, JSON.stringify(file));
    const { status, stdout } = check(path);
    rmSync(folder, { recursive: true });
    expect(stdout).toMatch(/^OFF {2}changed\.json: .*later steps 1\.0e-03/);
    expect(status).toBe(1);
  });
});
