import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { sampledUnits } from '../../../src/local/axes/auxiliary/sampled.js';
import { buildStrategy } from '../../../src/local/build.js';
import type { StrategyOptionsInput } from '../../../src/local/options.js';
import { siteAfter, cutIntoBlocks } from '../../../src/local/block.js';
import { everyUnit } from '../../../src/local/partition/partition.js';
import type { Strategy } from '../../../src/local/strategy.js';
import { disposeNetwork, networkState, type Network } from '../../../src/networks/network.js';
import { resnetCifar } from '../../../src/networks/resnet-cifar.js';
import { resnetImagenet } from '../../../src/networks/resnet-imagenet.js';
import { rootScope, withoutDrawing, type Parameter } from '../../../src/nn/parameters.js';
import { startEngine } from '../../support/engine.js';

type AuglocalInput = Extract<StrategyOptionsInput, { method: 'auglocal' }>;

let resnet32: Network;
let resnet34: Network;
let resnet101: Network;
beforeAll(async () => {
  await startEngine();
  const inputs = { classes: 1000, imageShape: [32, 32, 3], seed: 1 } as const;
  resnet32 = resnetCifar({ ...inputs, layers: 32 });
  resnet34 = withoutDrawing(() => resnetImagenet({ ...inputs, layers: 34 }));
  resnet101 = withoutDrawing(() => resnetImagenet({ ...inputs, layers: 101 }));
});
afterAll(() => {
  [resnet32, resnet34, resnet101].forEach(disposeNetwork);
});

function inspect<T>(network: Network, options: Omit<AuglocalInput, 'method'>, f: (built: Strategy) => T): T {
  const strategy = withoutDrawing(() => buildStrategy(network, { method: 'auglocal', ...options }));
  try {
    return f(strategy);
  } finally {
    strategy.dispose();
  }
}

const valuesOf = (parameters: readonly Parameter[]): number =>
  parameters
    .filter(({ name }) => !name.includes('running'))
    .reduce((sum, { variable }) => sum + variable.size, 0);

/** Numbers of the residual units in each auxiliary net. */
const depthsOf = ({ auxiliary, blocks }: Strategy): number[] =>
  Array.from({ length: blocks - 1 }, (_, i) => {
    const own = new RegExp(String.raw`^auxiliary\.${i}\.classifier\.\d+\.conv1\.weight$`);
    return auxiliary.filter(({ name }) => own.test(name)).length;
  });

describe('on ImageNet’s networks', () => {
  test('all K pieces stay apart, and the nets are equally deep: 176.2 M values of ResNet-34', () => {
    inspect(resnet34, { depth: 4 }, (strategy) => {
      expect(strategy.blocks).toBe(17);
      expect(strategy.partition.at(-1)).toEqual(['layer4.2']);
      // Fewer than 4 units follow the last three blocks.
      expect(depthsOf(strategy)).toEqual([...new Array<number>(13).fill(4), 3, 2, 1]);
      expect(valuesOf([...networkState(resnet34), ...strategy.auxiliary])).toBe(176_157_608);
    });
  });

  test('no BN stands before the classifier of a net of depth 1', () => {
    inspect(resnet34, { depth: 1, blocks: 2 }, ({ auxiliary }) => {
      const ranks = auxiliary
        .filter(({ name }) => /classifier\.3\.weight$/.test(name))
        .map(({ variable }) => variable.rank);
      expect(ranks).toEqual([2]);
    });
  });

  test('options say otherwise', () => {
    const ends = (options: Omit<AuglocalInput, 'method'>): string[] =>
      inspect(resnet34, options, ({ partition }) => partition.map((units) => units.at(-1)!));
    expect(ends({ depth: 4, joined: true })).toHaveLength(13);
    expect(ends({ depth: 4, classifier: 'cifar' })).toHaveLength(13);
    expect(ends({ depth: 4, blocks: 3 })).toEqual(['layer2.0', 'layer3.2', 'layer4.2']);
    // 4 − 3 l / 7 of block l.
    inspect(resnet34, { depth: 4, blocks: 9, pyramid: 1 }, (strategy) => {
      expect(depthsOf(strategy)).toEqual([4, 4, 3, 3, 2, 2, 1, 1]);
    });
    expect(() => inspect(resnet34, { depth: 4, blocks: 1 }, () => undefined)).toThrow(/at least 2 blocks/);
  });
});

test('on the others the last depth + 1 pieces are one block, under a pyramid', () => {
  inspect(resnet32, { depth: 5 }, (strategy) => {
    expect(strategy.blocks).toBe(11);
    // 5 − 2 l / 9 of block l.
    expect(depthsOf(strategy)).toEqual([5, 5, 5, 4, 4, 4, 4, 3, 3, 3]);
  });
  inspect(resnet32, { depth: 5, joined: false }, ({ blocks }) => {
    expect(blocks).toBe(16);
  });
});

describe('strides of the nets count doublings of the nominal width', () => {
  const stridesFrom = (network: Network, unit: string, depth: number): number[] => {
    const strides: number[] = [];
    const watched: Network = {
      ...network,
      buildUnit: (_scope, { stride }) => {
        strides.push(stride);
        return { parameters: [], buffers: [], counters: [], forward: (x) => x };
      },
    };
    const block = cutIntoBlocks(watched, everyUnit(watched)).find(({ units }) => units[0]!.name === unit)!;
    const site = siteAfter(watched, block, watched.units.length);
    withoutDrawing(() => sampledUnits({ depth, pyramid: 0 })(rootScope(1, unit), site, 10));
    return strides;
  };

  test('of ResNet-101: 64 → 256 (units 8 and 16), 256 (25), 512 (33)', () => {
    expect(stridesFrom(resnet101, 'stem', 4)).toEqual([2, 2, 1, 2]);
    // 64 → 128, 256, 256, 512.
    expect(stridesFrom(resnet101, 'layer1.0', 4)).toEqual([2, 2, 1, 2]);
    // 256 → 256, 256, 512, 512.
    expect(stridesFrom(resnet101, 'layer3.20', 4)).toEqual([1, 1, 2, 1]);
  });

  test('of a stem before its own stage: nothing has doubled', () => {
    expect(stridesFrom(resnet101, 'stem', 33)[0]).toBe(1);
    expect(stridesFrom(resnet101, 'stem', 33).filter((stride) => stride === 2)).toHaveLength(3);
  });
});
