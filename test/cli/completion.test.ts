import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const program = join(import.meta.dirname, '../../dist/cli/main.js');
let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'locallearn-completion-'));
  const command = join(folder, 'locallearn');
  writeFileSync(command, `#!/bin/sh\nexec '${process.execPath}' '${program}' "$@"\n`);
  chmodSync(command, 0o755);
});
afterAll(() => rmSync(folder, { recursive: true }));

/** What bash offers for each of these lines, whose last word is being typed. */
function offered(lines: readonly (readonly string[])[]): string[][] {
  const asks = lines.map(
    (words) =>
      `COMP_WORDS=(${words.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${words.length - 1}; _locallearn_yargs_completions; echo "\${COMPREPLY[*]}"`,
  );
  const script = ['source <(locallearn completion)', ...asks].join('\n');
  const env = { ...process.env, SHELL: '/bin/bash', PATH: `${folder}${delimiter}${process.env['PATH']}` };
  const { stdout, stderr, status } = spawnSync('bash', ['-c', script], { env, encoding: 'utf8' });
  expect({ stderr, status }).toEqual({ stderr: '', status: 0 });
  return stdout
    .trimEnd()
    .split('\n')
    .map((line) => line.split(' ').filter((word) => word !== ''));
}

describe('completion in bash', () => {
  it('offers commands, options and choices, and leaves files to the shell', () => {
    const [commands, one, dataCommands, options, formats, files, sets, keys, methods, none] = offered([
      ['locallearn', ''],
      ['locallearn', 'exp'],
      ['locallearn', 'data', ''],
      ['locallearn', 'train', '--se'],
      ['locallearn', 'export', 'x', '--format', ''],
      ['locallearn', 'train', 'configs/de'],
      ['locallearn', 'data', 'info', 'cifar'],
      ['locallearn', 'train', 'x', '--set', 'train.ep'],
      ['locallearn', 'bench', '--methods', 'bp,ma'],
      ['locallearn', 'bench', '--method', 'ma'],
    ]);
    expect(commands).toEqual(expect.arrayContaining(['train', 'compare', 'memory', 'export', 'completion']));
    expect(commands!.some((word) => word.startsWith('-'))).toBe(false);
    expect(one).toEqual(['export']);
    expect(dataCommands).toEqual(['fetch', 'verify', 'info', 'preview']);
    expect(options!.sort()).toEqual(['--seed', '--set']);
    expect(formats!.sort()).toEqual(['onnx', 'safetensors']);
    expect(sets).toEqual(['cifar10', 'cifar100']);
    expect(keys).toEqual(['train.epochs=']);
    expect(methods).toEqual(['bp,man', 'bp,man-plus']);
    expect(none ?? []).toEqual([]);
    // Nothing offered: bash's own completion of file names follows.
    expect(files ?? []).toEqual([]);
  });
});
