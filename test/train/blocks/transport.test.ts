import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { parseConfig } from '../../../src/config/config.js';
import { placeBlocks } from '../../../src/distributed/blocks/placement.js';
import type { Engine } from '../../../src/engine/engine.js';
import { selectEngine } from '../../../src/engine/select.js';
import { nativeStatus } from '../../../src/engine/torch/load-native.js';
import { tinyMethods, titleOf } from '../../support/tiny.js';
import { blocksOf, expectSame, held, trainedAlone, trainedOnRanks } from '../../support/ranks.js';

describe.skipIf(!nativeStatus().available)('bfloat16 between ranks', () => {
  let engine: Engine;
  beforeAll(async () => {
    ({ engine } = await selectEngine('torch'));
  });
  afterEach(() => expect(held()).toEqual({ tensors: 0, variables: 0 }));

  // Features alone, beside contexts, and with gradients on the way up and down.
  const some = ['auglocal', 'contsup', 'hpff'].map((name) =>
    tinyMethods.find(({ method }) => method === name)!,
  );

  it.each(some.map((options) => [titleOf(options), options] as const))(
    '%s with train.precision: bf16 has the bits of one process',
    async (_, options) => {
      const precision = { precision: 'bf16', epochs: 1 } as const;
      const placement = placeBlocks(blocksOf(options), [2]);
      const ranks = await trainedOnRanks(engine, options, placement, precision);
      expectSame(ranks, await trainedAlone(engine, options, precision));
      expect(ranks.left).toEqual([]);
    },
  );

  it('transport: bf16 halves the bytes, and rounds features where they cross', async () => {
    const options = { method: 'auglocal', depth: 2 } as const;
    const placement = placeBlocks(5, [2]);
    const wide = await trainedOnRanks(engine, options, placement);
    const ranks = await trainedOnRanks(engine, options, placement, { transport: 'bf16' });
    const precise = await trainedOnRanks(engine, options, placement, { precision: 'bf16' });
    // Labels, and what says how long parts are, go with them.
    for (const half of [ranks, precise]) expect(bytesOf(half) / bytesOf(wide)).toBeLessThan(0.52);
    // Blocks below the cut are trained as ever; what is above it has read rounded features.
    const first = ranks.epochs[0]!.updateLosses;
    const same = wide.epochs[0]!.updateLosses;
    expect([first['block 1'], first['block 2']]).toEqual([same['block 1'], same['block 2']]);
    expect(first['block 3']).not.toBe(same['block 3']);
    expect(Math.abs(first['block 3']! / same['block 3']! - 1)).toBeLessThan(0.02);
    expect(ranks.left).toEqual([]);
  });

  const bytesOf = ({ told }: Awaited<ReturnType<typeof trainedOnRanks>>): number =>
    told.at(-1)!.ranks[0]!.bytesPerStep;
});

it('is the only other transport, and of blocks alone', () => {
  const config = (parallel: string): string =>
    `name: a\ndata: { name: fashion-mnist }\nnetwork: { name: resnet, layers: 8 }\nmethod: { method: dgl }\n` +
    `train: { epochs: 1, batchSize: 4, learningRate: 0.1 }\nparallel: ${parallel}\n`;
  expect(parseConfig(config('{ blocks: 2, transport: bf16 }'), 'a.yaml').parallel).toMatchObject({
    transport: 'bf16',
  });
  expect(() => parseConfig(config('{ blocks: 2, transport: fp8 }'), 'a.yaml')).toThrow(
    /^a\.yaml:\d+:\d+: parallel\.transport: must be bf16, not "?fp8"?$/,
  );
  expect(() => parseConfig(config('{ data: 2, transport: bf16 }'), 'a.yaml')).toThrow(
    /parallel\.blocks: missing/,
  );
});
