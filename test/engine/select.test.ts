import tf = require('@tensorflow/tfjs');
import { afterEach, describe, expect, test, vi } from 'vitest';
import { engineNames } from '../../src/engine/engine.js';
import { fused } from '../../src/engine/fused/registry.js';
import { composedOps } from '../../src/engine/fused/all.js';
import { probeEngines } from '../../src/engine/probe.js';
import { selectEngine } from '../../src/engine/select.js';
import * as tensorflow from '../../src/engine/tensorflow/package.js';
import * as loader from '../../src/engine/torch/load-native.js';
import type { Native } from '../../src/engine/torch/native.js';
import { UserError } from '../../src/core/errors.js';
import { hasTorch } from './compare.js';

afterEach(() => {
  vi.restoreAllMocks();
});

const withoutTorch = (): void => {
  vi.spyOn(loader, 'nativeStatus').mockReturnValue({ available: false, reason: 'the bridge was not built' });
};

const works = (): void => {
  expect(tf.tidy(() => tf.sum(tf.mul(tf.tensor1d([1, 2, 3]), 2)).dataSync()[0])).toBe(12);
};

test.each(['wasm', 'cpu'] as const)('%s can be asked for by name', async (name) => {
  const { engine, notice } = await selectEngine(name);
  expect(engine.name).toBe(name);
  expect(engine.memory.name).toBe('tensor-bytes');
  expect(engine.description).toMatch(/^TensorFlow\.js 4\./);
  expect(notice).toBeUndefined();
  expect(tf.getBackend()).toBe(name);
  expect(fused()).toBe(composedOps);
  works();
});

test('without libtorch, auto falls back and says in one line what to do', async () => {
  withoutTorch();
  const { engine, notice } = await selectEngine('auto');
  expect(engine.name).toBe(tensorflow.tensorflowPackage() === undefined ? 'wasm' : 'tensorflow');
  expect(notice).toMatch(/^Running on the engine \w+: the bridge was not built\..*npx locallearn setup/);
  expect(notice).not.toContain('\n');
});

test('an engine that is not there is refused in one line', async () => {
  withoutTorch();
  vi.spyOn(tensorflow, 'tensorflowPackage').mockReturnValue(undefined);
  const failures = await Promise.all(
    (['torch', 'torch-cuda', 'tensorflow'] as const).map((name) =>
      selectEngine(name).catch((error: unknown) => error),
    ),
  );
  for (const error of failures) {
    expect(error).toBeInstanceOf(UserError);
    expect((error as UserError).message).not.toContain('\n');
  }
  expect(failures.map((error) => (error as UserError).message)).toEqual([
    'engine torch: the bridge was not built; run "npx locallearn setup"',
    'engine torch-cuda: the bridge was not built; run "npx locallearn setup"',
    'engine tensorflow: TensorFlow is not installed; run "bash scripts/tensorflow-engine.sh"',
  ]);
});

test('a tensorflow package that does not load is reported, not thrown', async () => {
  vi.spyOn(tensorflow, 'tensorflowPackage').mockReturnValue({
    name: '@tensorflow/tfjs-node',
    path: '',
  });
  vi.spyOn(tensorflow, 'tensorflowInWords').mockImplementation(() => {
    throw new Error('no binding\n  at some place');
  });
  const report = (await probeEngines()).find(({ name }) => name === 'tensorflow');
  expect(report).toEqual({
    name: 'tensorflow',
    available: false,
    detail: '@tensorflow/tfjs-node is installed but does not load (no binding)',
    remedy: 'run "bash scripts/tensorflow-engine.sh"',
  });
});

test('a libtorch without CUDA has no torch-cuda', async () => {
  const native = { version: '9.9', threads: 4, devices: [{ id: 'cpu', name: 'CPU' }] } as unknown as Native;
  vi.spyOn(loader, 'nativeStatus').mockReturnValue({ available: true, native });
  await expect(selectEngine('torch-cuda')).rejects.toThrow(
    /^engine torch-cuda: libtorch 9\.9 sees no CUDA device; install/,
  );
});

test('the probe names every engine, fastest first, and leaves the backend as it is', async () => {
  await selectEngine('cpu');
  const reports = await probeEngines();
  expect(reports.map(({ name }) => name)).toEqual([...engineNames]);
  expect(reports.find(({ name }) => name === 'wasm')).toMatchObject({ available: true });
  for (const { available, detail, remedy } of reports) {
    expect(detail).toMatch(/^[^\n]+$/);
    expect(available || remedy !== undefined).toBe(true);
  }
  expect(tf.getBackend()).toBe('cpu');
});

describe.skipIf(!hasTorch)('with libtorch', () => {
  test('auto takes it, with no notice', async () => {
    const { engine, notice } = await selectEngine('auto');
    expect(engine.name).toMatch(/^torch/);
    expect(engine.description).toMatch(/^libtorch \d/);
    expect(engine.memory.name).toMatch(/-allocator$/);
    expect(notice).toBeUndefined();
    expect(fused()).not.toBe(composedOps);
    works();
  });
});
