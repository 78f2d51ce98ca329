import { beforeAll, expect, test } from 'vitest';
import { readGoldenFile } from '../../src/parity/golden-file.js';
import { checkParity } from '../../src/parity/parity.js';
import { startEngine } from '../support/engine.js';
import { sampleOf } from '../support/fuzz.js';

beforeAll(async () => {
  await startEngine('wasm');
});

// The standard kernels, composed: another way to the same numbers than the torch engine's.
test.each(sampleOf(['auglocal-resnet32-k16-d2', 'bp-resnet32'], 2))(
  'the published run %s on wasm',
  { timeout: 240_000 },
  (name) => {
    const report = checkParity(readGoldenFile(`test/fixtures/golden/${name}.json`));
    expect(report).toMatchObject({ missing: [], pass: true });
    expect(report.loss).toBeLessThan(1e-2);
  },
);
