import { beforeAll, describe, expect, test } from 'vitest';
import { UserError } from '../../src/core/errors.js';
import { buildStrategy } from '../../src/local/build.js';
import type { StrategyOptionsInput } from '../../src/local/options.js';
import { disposeNetwork, type Network } from '../../src/networks/network.js';
import { resnetCifar } from '../../src/networks/resnet-cifar.js';
import { checkLoneImage } from '../../src/train/check-lone-image.js';
import { hasTorch, startEngine } from '../support/engine.js';

const resnet = (side: number): Network =>
  resnetCifar({ layers: 8, classes: 3, imageShape: [side, side, 3], seed: 1 });

describe.each(['wasm', ...(hasTorch ? (['torch'] as const) : [])] as const)(
  'a batch of one on %s',
  (engine) => {
    beforeAll(async () => {
      await startEngine(engine);
    });
    const check = (network: Network, options: StrategyOptionsInput): void => {
      const strategy = buildStrategy(network, options);
      try {
        checkLoneImage(strategy);
      } finally {
        strategy.dispose();
        disposeNetwork(network);
      }
    };

    test.each<[string, number, StrategyOptionsInput]>([
      ['the linear layers of DGL', 8, { method: 'dgl' }],
      ['a network whose maps come to 1×1', 4, { method: 'bp' }],
      ['the tail of AugLocal’s auxiliary nets', 8, { method: 'auglocal', depth: 1 }],
    ])('is refused for %s', (_, side, options) => {
      const run = (): void => check(resnet(side), options);
      expect(run).toThrow(UserError);
      expect(run).toThrow(
        /^train\.batchSize: 1 is too few: the batch normalisation '.+' has one value a channel/,
      );
    });

    test('is enough where maps are larger', () => {
      check(resnet(8), { method: 'bp' });
      check(resnet(8), { method: 'predsim', blocks: 2 });
    });
  },
);
