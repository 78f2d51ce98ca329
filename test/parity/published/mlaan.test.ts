import { beforeAll, describe, expect, test } from 'vitest';
import { readGoldenFile } from '../../../src/parity/golden-file.js';
import { checkParity } from '../../../src/parity/parity.js';
import { torchEngine } from '../../support/device.js';
import { hasTorch, startEngine } from '../../support/engine.js';

describe.skipIf(!hasTorch)('on torch', () => {
  beforeAll(async () => {
    await startEngine(torchEngine);
  });

  test.each(['mlaan', 'mlaan-all-ema'])('the published run %s', { timeout: 120_000 }, (name) => {
    const golden = readGoldenFile(`test/fixtures/golden/sharp/${name}-resnet32-k16.json`);
    expect(checkParity(golden)).toMatchObject({ missing: [], pass: true });
  });
});
