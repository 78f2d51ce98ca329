import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';

let out: string;
beforeAll(() => {
  out = mkdtempSync(join(tmpdir(), 'locallearn-gpu-'));
});
afterAll(() => rmSync(out, { recursive: true }));

function stages(...words: string[]) {
  const { status, stdout, stderr } = spawnSync('bash', ['experiments/gpu/run.sh', ...words], {
    encoding: 'utf8',
  });
  return { status, stdout, stderr };
}

it('lists its stages and which of them are done', () => {
  writeFileSync(join(out, 'parity.done'), '');
  const { status, stdout } = stages(out);
  expect(status).toBe(0);
  const done = stdout.split('\n').map((line) => line.split(/ +/).slice(0, 2).join(' '));
  expect(done).toEqual(expect.arrayContaining(['parity done', 'build native']));
});

it('says how it is called, and refuses a stage that there is not', () => {
  expect(stages()).toMatchObject({
    status: 2,
    stdout: expect.stringContaining('run.sh OUT build') as string,
  });
  expect(stages(out, 'dance')).toEqual({
    status: 2,
    stdout: '',
    stderr: 'experiments/gpu/run.sh: dance is none of build parity tests speed bf16 deep memory train\n',
  });
});
