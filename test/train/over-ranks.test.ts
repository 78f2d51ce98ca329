import { expect, it } from 'vitest';
import { checkShares } from '../../src/train/over-ranks.js';

it('micro-batches by themselves and statistics of all shares exclude each other', () => {
  const train = { kind: 'memory', size: 96, images: new Uint8Array(), labels: new Uint16Array() } as const;
  const settings = { batchSize: 16, lastBatch: 'keep', accumulate: 2 } as const;
  expect(() => checkShares({ ...settings, syncBatchNorm: true }, { train }, 2)).toThrow(
    /^train\.accumulate: .* leave out one$/,
  );
  expect(() => checkShares(settings, { train }, 2)).not.toThrow();
});
