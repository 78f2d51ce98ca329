import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { readGoldenFile } from '../../src/parity/golden-file.js';

const folder = mkdtempSync(join(tmpdir(), 'locallearn-golden-'));
afterAll(() => {
  rmSync(folder, { recursive: true });
});
const sharp = 'test/fixtures/golden/sharp/infopro-contrast-resnet32-k16-1c2f.json';

/** The sharp file with one entry, named by its path, set. */
function changed(path: string, value: unknown): string {
  const golden = JSON.parse(readFileSync(sharp, 'utf8')) as Record<string, unknown>;
  const keys = path.split('/');
  const last = keys.pop()!;
  const at = keys.reduce((object, key) => object[key] as Record<string, unknown>, golden);
  at[last] = value;
  const file = join(folder, 'changed.json');
  writeFileSync(file, JSON.stringify(golden));
  return file;
}

describe('a golden file', () => {
  test('has its own learning rate and weight decay, 0.05 and 1e-4 where it has none', () => {
    const old = readGoldenFile('test/fixtures/golden/greedy-resnet32-k16.json');
    expect(old).toMatchObject({ learning_rate: 0.05, weight_decay: 1e-4 });
    expect(readGoldenFile(sharp)).toMatchObject({ learning_rate: 0.001, weight_decay: 1e-4 });
    expect(readGoldenFile('test/fixtures/golden/sharp/auglocal-wd-resnet32-k16-d1.json')).toMatchObject({
      weight_decay: 0.5,
    });
  });

  test.each([
    ['learning-rate', 0.1, 'learning-rate: unknown key (did you mean "learning_rate"?)'],
    ['running/bn1.running_mean/l1', 1, 'running.bn1.running_mean.l1: unknown key'],
    ['parameters/fc.weight/max', 1, 'parameters.fc.weight.max: unknown key'],
    ['float64/running', {}, 'float64.running: unknown key'],
    ['float64/distance/loses', 1, 'float64.distance.loses: unknown key (did you mean "loss"?)'],
    ['init', 'zeros', 'init: must be xorshift32(crc32(name)), not "zeros"'],
    ['loss_trace', [[1]], 'loss_trace: has 1 steps, but steps is 3'],
    [
      'float64/loss_trace',
      [[1], [1]],
      'float64.loss_trace: has rows of 1, 1 numbers, but loss_trace of 16, 16, 16',
    ],
    [
      'float64/eval_logits',
      [[1]],
      'float64.eval_logits: has rows of 1 numbers, but eval_logits of 10, 10, 10, 10',
    ],
  ])('with %s is refused', (path, value, message) => {
    const file = changed(path, value);
    expect(() => readGoldenFile(file)).toThrow(`${file}: ${message}`);
  });

  test('has scalars, of shape []', () => {
    const file = changed('parameters/ema_s.0', { shape: [], l2: 1.05, trained: true });
    expect(readGoldenFile(file).parameters['ema_s.0']).toEqual({ shape: [], l2: 1.05, trained: true });
  });
});
