import { beforeAll, expect, test } from 'vitest';
import { readGoldenFile } from '../../src/parity/golden-file.js';
import { checkParity } from '../../src/parity/parity.js';
import { startEngine } from '../support/engine.js';
import { sampleOf } from '../support/fuzz.js';

beforeAll(async () => {
  await startEngine('wasm');
});

// The standard kernels, composed: another way to the same numbers than the torch engine's.
test.each(
  sampleOf(
    [
      'reference/auglocal-resnet20-k10-d2',
      'auglocal-resnet32-k16-d2',
      'reference/man-resnet32-k4-1c3f',
      'bp-resnet32',
    ],
    4,
  ),
)('the run %s on wasm', { timeout: 240_000 }, (name) => {
  const report = checkParity(readGoldenFile(`test/fixtures/golden/${name}.json`));
  expect(report).toMatchObject({ missing: [], pass: true });
  expect(report.loss).toBeLessThan(1e-2);
});
