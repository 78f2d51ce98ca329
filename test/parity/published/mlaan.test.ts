import { beforeAll, describe, expect, test } from 'vitest';
import { readGoldenFile } from '../../../src/parity/golden-file.js';
import { checkParity } from '../../../src/parity/parity.js';
import { torchEngine } from '../../support/device.js';
import { hasTorch, startEngine } from '../../support/engine.js';

/**
 * How far PyTorch in single precision, on one thread, is from these files' parameters, of which they have no double
 * precision; in double precision it is within 7e-7 of them: `experiments/parity/mlaan.py`. With two threads the package
 * meets the files' own limit, 2e-6; on one, as here, its rounding falls as PyTorch's does, in the same tensors.
 */
const distances = { mlaan: 4.3e-6, 'mlaan-all-ema': 3.2e-6 };

describe.skipIf(!hasTorch)('on torch', () => {
  beforeAll(async () => {
    await startEngine(torchEngine);
  });

  test.each(Object.entries(distances))('the published run %s', { timeout: 120_000 }, (name, distance) => {
    const golden = readGoldenFile(`test/fixtures/golden/sharp/${name}-resnet32-k16.json`);
    const report = checkParity(golden);
    expect(report).toMatchObject({ rule: 'sharp', missing: [], surplus: [] });
    for (const group of ['loss', 'logits', 'running'] as const) {
      expect(report[group], group).toBeLessThanOrEqual(report.limits[group]);
    }
    // The rule for files that say how far the published program is off: ten times that.
    expect(report.parameters).toBeLessThanOrEqual(10 * distance);
  });
});
