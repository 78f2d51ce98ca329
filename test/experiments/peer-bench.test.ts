import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

interface Scripts {
  readonly findPython: (candidates: readonly string[]) => string;
  readonly pythons: (options: { readonly root: string; readonly checkout: string }) => string[];
}
const load = async (path: string) =>
  (await import(new URL(`../../${path}`, import.meta.url).href)) as Partial<Scripts>;

/** Runs the built bench.mjs. */
function bench(...options: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, ['experiments/peer/bench.mjs', ...options], {
    encoding: 'utf8',
  });
  return { status, stdout, stderr };
}

describe('the Python of plain PyTorch', () => {
  let folder = '';
  const python = (name: string, body: string) => {
    const path = join(folder, name);
    writeFileSync(path, `#!/bin/sh\n${body}\n`, { mode: 0o755 });
    return path;
  };
  const noTorch = "ModuleNotFoundError: No module named 'torch'";

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'locallearn-python-'));
  });
  afterAll(() => {
    rmSync(folder, { recursive: true });
  });

  it("is looked for on the PATH, then the system's, then the checkout's", async () => {
    const { pythons } = await load('scripts/pythons.mjs');
    expect(pythons!({ root: '/', checkout: '/here' })).toEqual([
      'python3',
      '/usr/bin/python3',
      '/here/.venv/bin/python3',
    ]);
  });

  it('is the first that has torch', async () => {
    const { findPython } = await load('experiments/peer/find-python.mjs');
    const without = python('without', `echo "${noTorch}" >&2; exit 1`);
    const having = python('having', 'exit 0');
    expect(findPython!([join(folder, 'nowhere'), without, having, python('later', 'exit 0')])).toBe(having);
    expect(() => findPython!([join(folder, 'nowhere'), without])).toThrow(
      `no Python with torch and numpy: tried ${folder}/nowhere (is not there), ${without} (${noTorch}); install`,
    );
  });

  it('is missed in one line, which is JSON where that was asked for', () => {
    const path = python('missing', `echo Traceback >&2; echo "${noTorch}" >&2; exit 1`);
    const message = expect.stringMatching(
      /^(error: )?no Python with torch and numpy: .*--python\n?$/,
    ) as string;
    expect(bench('--python', path)).toEqual({ status: 1, stdout: '', stderr: message });
    const { status, stdout, stderr } = bench('--python', path, '--json');
    expect({ status, stderr }).toEqual({ status: 1, stderr: '' });
    expect(JSON.parse(stdout)).toEqual({ error: message });
  });
});

it('tells wrong options in one line', () => {
  expect(bench('--batch', 'x', '--json')).toEqual({
    status: 1,
    stdout: '{"error":"--batch must be a whole number from 1, not x"}\n',
    stderr: '',
  });
  expect(bench('--peer', 'tuned,fastest').stderr).toBe(
    'error: --peer: fastest is none of plain, tuned, compiled\n',
  );
  expect(bench('--precision', 'half').stderr).toBe('error: --precision must be float32 or bf16, not half\n');
  expect(bench('--nope')).toEqual({ status: 1, stdout: '', stderr: "error: Unknown option '--nope'\n" });
});
