import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { UserError } from '../../../src/core/errors.js';

/** What a bridge of today's sources offers. */
const source = readFileSync(join(import.meta.dirname, '../../../native/bridge/offered.h'), 'utf8');
const operators = [...source.matchAll(/"([^"]+::[^"]+)"/g)].map(([, name]) => name!);

/** The module as it finds a machine where the addon is there or not, by its path, and loading it does this. */
async function loaderWhere(exists: boolean | ((path: string) => boolean), load: (path: string) => unknown) {
  vi.resetModules();
  const existsSync = typeof exists === 'boolean' ? () => exists : exists;
  vi.doMock('node:fs', async (original) => ({ ...(await original<object>()), existsSync }));
  vi.doMock('node:module', async (original) => ({
    ...(await original<object>()),
    createRequire: () => load,
  }));
  return import('../../../src/engine/torch/load-native.js');
}

describe('loading the bridge to libtorch', () => {
  afterEach(() => {
    vi.doUnmock('node:fs');
    vi.doUnmock('node:module');
    vi.unstubAllEnvs();
  });

  it('takes the package that has it built, below this one or beside it, where no build is', async () => {
    const name = join('@locallearn', `torch-${process.platform}-${process.arch}-cpu`);
    const beside = join(import.meta.dirname, '../../../..', name, 'locallearn.node');
    const load = vi.fn(() => ({ operators, capture: {} }));
    const { nativeStatus } = await loaderWhere((path) => path === beside, load);
    expect(nativeStatus().available).toBe(true);
    expect(load).toHaveBeenCalledWith(beside);
  });

  it('looks at no other than the build that LOCALLEARN_BRIDGE names', async () => {
    vi.stubEnv('LOCALLEARN_BRIDGE', 'native/build/other');
    const only = resolve('native/build/other/locallearn.node');
    const { nativeStatus } = await loaderWhere(
      (path) => path !== only,
      () => ({}),
    );
    const reason = 'native/build/other/locallearn.node was not built';
    expect(nativeStatus()).toEqual({ available: false, reason });
  });

  it('lets waiting threads spin for a moment, unless the environment says how they wait', async () => {
    const waits = async (policy: string | undefined, spins: string | undefined) => {
      vi.stubEnv('OMP_WAIT_POLICY', policy);
      vi.stubEnv('GOMP_SPINCOUNT', spins);
      const read = vi.fn(() => ({
        policy: process.env['OMP_WAIT_POLICY'],
        spins: process.env['GOMP_SPINCOUNT'],
      }));
      const { nativeStatus } = await loaderWhere(true, read);
      nativeStatus();
      return read.mock.results[0]!.value as object;
    };
    expect(await waits(undefined, undefined)).toEqual({ policy: 'passive', spins: '2000' });
    expect(await waits('active', undefined)).toEqual({ policy: 'active', spins: undefined });
    expect(await waits(undefined, '0')).toEqual({ policy: undefined, spins: '0' });
  });

  it('tries once, and keeps what it got', async () => {
    const native = { operators, capture: {} };
    const load = vi.fn(() => native);
    const { loadNative, nativeStatus } = await loaderWhere(true, load);
    expect(loadNative()).toBe(native);
    expect(loadNative()).toBe(native);
    expect(nativeStatus()).toEqual({ available: true, native });
    expect(load).toHaveBeenCalledTimes(1);
    expect(load).toHaveBeenCalledWith(expect.stringMatching(/native[\\/]build[\\/]locallearn\.node$/));
  });

  it.each<[string, object, string]>([
    [
      'an operator',
      { operators: operators.filter((name) => name !== 'aten::add.Tensor') },
      'aten::add.Tensor',
    ],
    ['capturing', { operators }, 'capture of steps'],
    ['all', {}, operators[0]!],
  ])('says so of one that is older than what calls it, and lacks %s', async (_, native, what) => {
    expect(operators.length).toBeGreaterThan(100);
    const { nativeStatus } = await loaderWhere(true, () => native);
    const reason = `native/build/locallearn.node is of another version: it has no ${what}`;
    expect(nativeStatus()).toEqual({ available: false, reason });
  });

  it('says what to run where it was not built', async () => {
    const { loadNative, nativeStatus } = await loaderWhere(false, () => ({}));
    const reason = 'native/build/locallearn.node was not built';
    expect(nativeStatus()).toEqual({ available: false, reason });
    expect(loadNative).toThrow(`no torch engine: ${reason}; run "npx locallearn setup"`);
    expect(loadNative).toThrow(expect.objectContaining({ name: UserError.name }));
  });

  it('gives the first line of why it does not load', async () => {
    const { loadNative } = await loaderWhere(true, () => {
      throw new Error('libtorch.so: cannot open shared object file\nRequire stack: …');
    });
    expect(loadNative).toThrow(
      'no torch engine: native/build/locallearn.node does not load ' +
        '(libtorch.so: cannot open shared object file); run "npx locallearn setup"',
    );
  });
});
