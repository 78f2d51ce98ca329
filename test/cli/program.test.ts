import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { describe, expect, it } from 'vitest';
import { hasTorch } from '../support/engine.js';
import { ended, program, run as runAlone, start } from './helpers.js';
import { residentProgram } from './resident.js';

const run = residentProgram();

describe('bench', () => {
  it('prints a line of JSON for each method', async () => {
    const { code, stdout } = await run([
      ...[
        'bench',
        '--methods',
        'bp,auglocal',
        '--batch',
        '4',
        '--layers',
        '8',
        '--blocks',
        '4',
        '--steps',
        '2',
      ],
      '--json',
    ]);
    expect(code).toBe(0);
    const results = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    expect(results.map(({ method }) => method)).toEqual(['bp', 'auglocal']);
    for (const result of results) {
      expect(result).toMatchObject({ batch: 4, steps: 2, engine: expect.any(String) as string });
      expect(result['imagesPerSecond']).toBeGreaterThan(0);
      expect(result['peakMemoryBytes']).toBeGreaterThan(0);
    }
  });
});

describe('bench', () => {
  it('takes its layers as --depth, too, as the option was called, and says so', async () => {
    const args = ['--methods', 'bp', '--batch', '2', '--blocks', '4', '--steps', '1', '--json'];
    const { code, stdout, stderr } = await run(['bench', ...args, '--depth', '8']);
    expect({ code, stderr }).toEqual({
      code: 0,
      stderr: 'note: options: --depth is called --layers now; the old name still works in this release\n',
    });
    const bytesOf = (line: string): unknown =>
      (JSON.parse(line) as Record<string, unknown>)['heldMemoryBytes'];
    const again = await run(['bench', ...args, '--layers', '8']);
    expect(bytesOf(stdout)).toBe(bytesOf(again.stdout));
  });
});

describe.skipIf(!hasTorch)('profile', () => {
  it('prints all of it as a line of JSON', async () => {
    const args = ['--method', 'greedy', '--batch', '2', '--layers', '8', '--blocks', '4', '--steps', '1'];
    const { code, stdout } = await run(['profile', ...args, '--threads', '1', '--json']);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ method: 'greedy', layers: 8, batch: 2, threads: 1, steps: 1 });
  });
});

describe('the program', () => {
  it('has help with examples and a version', async () => {
    const help = await runAlone(['--help']);
    expect(help).toMatchObject({ code: 0, stderr: '' });
    expect(help.stdout).toMatch(/^ *locallearn demo  Fashion-MNIST/m);
    expect((await runAlone(['train', '--help'])).stdout).toMatch(/--set .*train\.epochs=2/);
    const manifest = readFileSync(join(import.meta.dirname, '../../package.json'), 'utf8');
    const { version } = JSON.parse(manifest) as { version: string };
    expect(await runAlone(['--version'])).toEqual({ code: 0, stdout: `${version}\n`, stderr: '' });
  });

  it('loads no TensorFlow.js, nor libtorch, before a command needs it', () => {
    const module = JSON.stringify(pathToFileURL(join(program, '../program.js')).href);
    const code = `import(${module}).then(() => console.log(JSON.stringify(Object.keys(require.cache))))`;
    const loaded = JSON.parse(execFileSync(process.execPath, ['-e', code], { encoding: 'utf8' })) as string[];
    expect(loaded.some((path) => path.includes('/yaml/'))).toBe(true);
    expect(loaded.filter((path) => /@tensorflow|\.node$/.test(path))).toEqual([]);
  });

  it('bears a reader that goes away', async () => {
    const child = start(['--help']);
    child.stdout.destroy();
    const { code, stderr } = await ended(child);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
  });

  it('tells in doctor what is there', async () => {
    const { code, stdout, stderr } = await run(['doctor']);
    // TensorFlow, where it is installed, has two lines of its own.
    const own = stderr.replaceAll(/^(?:WARNING: All log messages before absl|I0000 ).*\n/gm, '');
    expect({ code, own }).toEqual({ code: 0, own: '' });
    for (const name of ['torch', 'torch-cuda', 'tensorflow', 'wasm', 'cpu', 'fashion-mnist', 'cifar10']) {
      expect(stdout).toMatch(new RegExp(`^ *${name} `, 'm'));
    }
    expect(stdout).toContain(process.version);
  });
});
