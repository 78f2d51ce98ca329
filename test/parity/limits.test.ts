import { expect, test } from 'vitest';
import { readGoldenFile } from '../../src/parity/golden-file.js';
import { limitsOf } from '../../src/parity/limits.js';

const read = (name: string) => readGoldenFile(`test/fixtures/golden/${name}.json`);
const sharp = read('sharp/auglocal-wd-resnet32-k16-d1');
const float64 = sharp.float64!;

test('without double precision: 1e-3 of losses and logits, 1e-4 of norms', () => {
  const limits = { loss: 1e-3, logits: 1e-3, parameters: 1e-4, running: 1e-4 };
  expect(limitsOf(read('greedy-resnet32-k16'))).toEqual(limits);
});

test('ten times the distance from double precision that a sharp file gives', () => {
  const { loss, logits, parameters, running } = limitsOf(sharp);
  expect(loss).toBeCloseTo(8.02e-5, 10);
  expect(logits).toBeCloseTo(1.74e-4, 10);
  expect(parameters).toBeCloseTo(6.66e-5, 10);
  expect(running).toBeCloseTo(1.07e-5, 10);
});

test('but not less than what float32 comes to', () => {
  const distance = { loss: 1e-8, logits: 1e-8, parameters: 1e-8, running: 1e-8 };
  const limits = { loss: 1e-6, logits: 1e-5, parameters: 2e-6, running: 2e-6 };
  expect(limitsOf({ ...sharp, float64: { ...float64, distance } })).toEqual(limits);
});

test('ten times what the file itself is off, where it gives no distance', () => {
  const { loss_trace, eval_logits } = float64;
  const golden = { ...sharp, float64: { loss_trace, eval_logits } };
  const { loss, logits, parameters, running } = limitsOf(golden);
  // The file's own: 8.02e-6 and 1.69e-5 of the largest logit.
  expect(loss / 10).toBeCloseTo(8.02e-6, 7);
  expect(logits / 10).toBeCloseTo(1.69e-5, 7);
  // Of which double precision has none.
  expect([parameters, running]).toEqual([loss, loss]);
});
