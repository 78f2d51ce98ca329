import tf = require('@tensorflow/tfjs');
import { beforeAll, describe, expect, test } from 'vitest';
import { UserError } from '../../../src/core/errors.js';
import { buildStrategy } from '../../../src/local/build.js';
import { chainAfter, ruledChain } from '../../../src/local/methods/mlaan-chains.js';
import type { StrategyOptionsInput } from '../../../src/local/options.js';
import { everyUnit, publishedOrEvenCuts } from '../../../src/local/partition/partition.js';
import { disposeNetwork, networkState, type Network, type Unit } from '../../../src/networks/network.js';
import { basicUnit } from '../../../src/networks/residual.js';
import { residualUnits } from '../../../src/networks/residual-stages.js';
import { resnetCifar } from '../../../src/networks/resnet-cifar.js';
import { resnetImagenet } from '../../../src/networks/resnet-imagenet.js';
import { globalAveragePool, linear } from '../../../src/nn/layers.js';
import { sequential } from '../../../src/nn/layer.js';
import {
  childScope,
  rootScope,
  toTorch,
  withoutDrawing,
  type Parameter,
} from '../../../src/nn/parameters.js';
import { startEngine } from '../../support/engine.js';
import { sampleOf } from '../../support/fuzz.js';
import { literalMlaan, type LiteralMlaan } from '../../support/literal-mlaan.js';
import { largestError } from '../../support/numeric.js';
import { tinyBatch, tinyNetwork, tinyRun } from '../../support/tiny.js';

beforeAll(async () => {
  await startEngine();
});

const imageOf = (side: number) => [side, side, 3] as const;
const valuesOf = (parameter: Parameter): number[] => [...toTorch(parameter).values];

describe('chains', () => {
  const built = (network: Network, count: number): Record<string, string> => {
    const cuts = publishedOrEvenCuts(network, count);
    const chains = cuts.slice(1).map((cut) => {
      const names = chainAfter(network, cuts, network.units[cut]!).map(({ name }) => name);
      return [network.units[cut]!.name, names.join(' ').replaceAll('layer', '')] as const;
    });
    disposeNetwork(network);
    return Object.fromEntries(chains.map(([name, chain]) => [name.replace('layer', ''), chain]));
  };
  const cifar = (layers: number): Network =>
    withoutDrawing(() => resnetCifar({ layers, classes: 10, imageShape: imageOf(32), seed: 1 }));
  const imagenet = (layers: number): Network =>
    withoutDrawing(() => resnetImagenet({ layers, classes: 2, imageShape: imageOf(32), seed: 1 }));

  test.each([15, 16])('of ResNet-32, K = %i', (count) => {
    const stage2 = '3.0 3.2 3.3 3.4';
    expect(built(cifar(32), count)).toEqual({
      ...{ '1.1': '2.0 3.0 3.2 3.4', '1.2': '2.0 3.0 3.3 3.4' },
      ...{ '1.3': '2.0 3.0 3.2 3.4', '1.4': '2.0 3.0 3.3 3.4' },
      ...{ '2.0': stage2, '2.1': stage2, '2.2': stage2, '2.3': stage2, '2.4': stage2 },
      ...{ '3.0': '3.1 3.2 3.4', '3.1': '3.2 3.3 3.4', '3.2': '3.3 3.4', '3.3': '3.4' },
    });
  });

  test('of ResNet-32, K = 8', () => {
    expect(built(cifar(32), 8)).toEqual({
      ...{ '1.2': '2.0 3.0 3.2 3.4', '1.4': '2.0 3.0 3.3 3.4' },
      ...{ '2.1': '3.0 3.2 3.3 3.4', '2.3': '3.0 3.2 3.3 3.4' },
      ...{ '3.0': '3.2 3.3 3.4', '3.2': '3.3 3.4' },
    });
  });

  test.each([
    [32, 3, 15],
    [54, 3, 16],
  ])('of ResNet-110, K = %i', (count, stage, index) => {
    const chains = built(cifar(110), count);
    const expected = (unit: string): string => {
      const [s, i] = unit.split('.').map(Number) as [number, number];
      if (s === stage && i === index) return '3.17';
      if (s === 1) return '2.0 3.0 3.2 3.17';
      if (s === 2) return i === 17 ? '3.0 3.3 3.4 3.17' : '3.0 3.2 3.3 3.17';
      return `3.${i <= 6 ? 8 : i <= 10 ? 14 : i <= 12 ? 15 : 16} 3.17`;
    };
    expect(Object.keys(chains)).toHaveLength(count - 2);
    expect(chains).toEqual(Object.fromEntries(Object.keys(chains).map((unit) => [unit, expected(unit)])));
  });

  test('of ImageNet’s ResNet-34', () => {
    const chains = built(imagenet(34), 16);
    const stages = ['2.0 2.1 3.0 4.0 4.2', '2.1 3.0 4.0 4.2', '3.1 4.0 4.1'];
    for (const [unit, chain] of Object.entries(chains)) {
      const stage = Number(unit[0]);
      if (stage < 4) expect(chain, unit).toBe(stages[stage - 1]);
    }
    expect(chains).toMatchObject({ '4.0': '4.1 4.1 4.2', '4.1': '4.1 4.2' });
    expect(Object.keys(chains)).toHaveLength(14);
  });

  test('of ImageNet’s ResNet-101', () => {
    // Names alone: the network itself is large.
    const units = [3, 4, 23, 3].flatMap((count, s) =>
      Array.from({ length: count }, (_, index) => ({
        ...{ name: `layer${s + 1}.${index}`, stage: s + 1, index },
      })),
    );
    const network = {
      name: 'resnet-imagenet-101',
      units: [{ name: 'stem', stage: 0, index: 0 }, ...units],
    } as unknown as Network;
    const cuts = everyUnit(network).slice(1);
    const chain = (name: string): string =>
      chainAfter(
        network,
        cuts,
        network.units.find((unit) => unit.name === `layer${name}`)!,
      )
        .map((unit) => unit.name.slice(5))
        .join(' ');
    expect(['1.2', '2.0', '2.3', '3.0', '3.22', '4.0', '4.1'].map(chain)).toEqual([
      ...['2.0 3.0 4.0 4.2', '3.0 4.0 4.1', '3.0 4.0 4.1', '4.0 4.1', '4.0 4.1', '4.1 4.2', '4.1 4.2'],
    ]);
  });

  test('by the rule are the published ones of ResNet-32, but where those leave a unit out or alternate', () => {
    const network = cifar(32);
    const cuts = publishedOrEvenCuts(network, 16);
    const names = (chain: readonly Unit[]): string => chain.map(({ name }) => name).join();
    const different = cuts
      .slice(1)
      .map((cut) => network.units[cut]!)
      .filter((unit) => names(chainAfter(network, cuts, unit)) !== names(ruledChain(network, unit)))
      .map(({ name }) => name);
    expect(different).toEqual(['layer1.2', 'layer1.4', 'layer3.0']);
    disposeNetwork(network);
  });

  test('by the rule end with the last unit, for other cuts and networks', () => {
    const named = (network: Network, count: number): string[] => Object.values(built(network, count));
    expect(named(cifar(32), 4)).toEqual(['3.0 3.2 3.3 3.4', '3.1 3.2 3.3 3.4']);
    expect(named(cifar(20), 4)).toEqual(['3.0 3.1 3.2', '3.0 3.1 3.2']);
    expect(named(cifar(8), 3)).toEqual(['3.0']);
    expect(named(imagenet(18), 4)).toEqual(['3.0 4.0 4.1', '4.0 4.1']);
  });
});

/** ResNet-34's units, narrow, of which one stage is 64 wide: its auxiliary nets have convolutions. */
function tinyResnet34(): Network {
  const stem = tinyNetwork().units[0]!;
  const root = rootScope(1);
  const widths = [8, 64, 16, 24];
  const stages = [3, 4, 6, 3].map((units, s) => ({ units, outChannels: widths[s]! }));
  const given = tinyNetwork();
  return {
    ...given,
    name: 'resnet-imagenet-34',
    units: [stem, ...residualUnits(root, stem.output, stages, basicUnit)],
    head: sequential([
      globalAveragePool,
      linear(childScope(root, 'fc'), { inputs: 24, outputs: given.classes }),
    ]),
    buildUnit: basicUnit,
  };
}

const resnet34Chains = Object.fromEntries(
  [
    [1, 3, '2.0 2.1 3.0 4.0 4.2'],
    [2, 4, '2.1 3.0 4.0 4.2'],
    [3, 6, '3.1 4.0 4.1'],
  ].flatMap(([stage, count, chain]) =>
    Array.from({ length: Number(count) }, (_, i) => [`layer${stage}.${i}`, chain] as const),
  ),
);
const layers = (chain: string): string[] => chain.split(' ').map((name) => `layer${name}`);
const imagenetChains = Object.fromEntries(
  Object.entries({ ...resnet34Chains, 'layer4.0': '4.1 4.1 4.2', 'layer4.1': '4.1 4.2' }).map(
    ([unit, chain]) => [unit, layers(String(chain))],
  ),
);
/** By the rule: ResNet-14 has two units a stage. */
const cifarChains = {
  'layer1.1': layers('2.0 3.0 3.1'),
  'layer2.0': layers('3.0 3.1'),
  'layer2.1': layers('3.0 3.1'),
  'layer3.0': layers('3.1'),
};

const cifarProgram = {
  ...{ length: 2, chains: cifarChains, copied: true, wideHeads: false, lastBoth: false },
} as const;
const imagenetProgram = {
  ...{ length: 3, chains: imagenetChains, copied: false, wideHeads: true, lastBoth: true },
} as const;
// Far from the published, so that a mistake shows.
const weights = [0.3, 0.6] as const;
const momentum = 0.5;

const programs: readonly (readonly [
  string,
  () => Network,
  StrategyOptionsInput,
  Omit<LiteralMlaan, 'weights' | 'momentum'>,
])[] = [
  [
    'the CIFAR program',
    tinyNetwork,
    { method: 'mlaan', blocks: 6 },
    { ...cifarProgram, updates: 'the last' },
  ],
  [
    'the CIFAR program with every momentum net updated',
    tinyNetwork,
    { method: 'mlaan', blocks: 6, momentumUpdates: 'every' },
    { ...cifarProgram, updates: 'each' },
  ],
  [
    'the ImageNet program',
    tinyResnet34,
    { method: 'mlaan', blocks: 16 },
    { ...imagenetProgram, updates: 'each, the last twice' },
  ],
  [
    'the ImageNet program with each momentum net updated once',
    tinyResnet34,
    { method: 'mlaan', blocks: 16, momentumUpdates: 'every' },
    { ...imagenetProgram, updates: 'each' },
  ],
];
describe.each(sampleOf(programs, 2))('%s', (_, build, options, program) => {
  test('makes what its two streams, run one after another, do', () => {
    const run = tinyRun(
      {
        ...options,
        ...{ independentWeight: weights[0], cascadeWeight: weights[1], momentum },
      } as StrategyOptionsInput,
      build(),
    );
    const literal = literalMlaan(build(), { ...program, weights, momentum });
    const steps = 3;
    for (let step = 0; step < steps; step++) {
      tf.tidy(() => {
        const batch = tinyBatch(8, `batch ${step}`);
        const found = summed(run.step(batch, 0.002).losses, program.lastBoth);
        const expected = literal.step(batch, 0.002);
        expect(found).toHaveLength(expected.length);
        found.forEach((loss, i) => expect(loss / expected[i]!, `${step} ${i}`).toBeCloseTo(1, 5));
      });
    }
    const expected = [...networkState(literal.network), ...literal.auxiliary];
    const found = new Map(
      [...networkState(run.network), ...run.strategy.auxiliary].map((each) => [each.name, each]),
    );
    expect([...found.keys()].sort()).toEqual(expected.map(({ name }) => name).sort());
    const errors = expected
      .map((each) => [each.name, largestError(valuesOf(found.get(each.name)!), valuesOf(each))] as const)
      .sort(([, a], [, b]) => b - a);
    for (const [name, error] of errors) expect(error, name).toBeLessThan(5e-5);
    run.dispose();
    literal.dispose();
    disposeNetwork(literal.network);
  });
});

/** The published program takes one backward pass through both losses of a block. */
function summed(losses: readonly number[], lastBoth: boolean): number[] {
  const pairs = Array.from({ length: Math.ceil(losses.length / 2) }, (_, i) =>
    losses.slice(2 * i, 2 * i + 2),
  );
  expect(pairs.at(-1)).toHaveLength(lastBoth ? 2 : 1);
  return pairs.map((pair) => pair.reduce((sum, loss) => sum + loss, 0));
}

describe('at the start', () => {
  const parametersOf = (options: StrategyOptionsInput): { network: Network; all: Map<string, number[]> } => {
    const network = tinyNetwork();
    const strategy = buildStrategy(network, options);
    const all = new Map(
      [...networkState(network), ...strategy.auxiliary].map((each) => [each.name, valuesOf(each)]),
    );
    strategy.dispose();
    disposeNetwork(network);
    return { network, all };
  };

  test('chains and momentum nets are exact copies of their units', () => {
    const { all } = parametersOf({ method: 'mlaan', blocks: 6 });
    for (const [block, chain] of Object.values(cifarChains).entries()) {
      const prefix = `auxiliary.${block + 1}`;
      const copies = [...all].filter(([name]) => name.startsWith(`${prefix}.chain.`));
      expect(copies.length).toBeGreaterThan(0);
      for (const [name, values] of copies) {
        const [, index, rest] = /chain\.(\d+)\.(.*)$/.exec(name)!;
        expect(values, name).toEqual(all.get(`${chain[Number(index)]!}.${rest}`));
        if (index === '0') expect(values, name).toEqual(all.get(`${prefix}.momentum.${rest}`));
      }
    }
  });

  test('all are draws of their own in the ImageNet program', () => {
    const { all } = parametersOf({ method: 'mlaan', blocks: 6, variant: 'imagenet' });
    const drawn = ['layer3.0', 'auxiliary.2.chain.0', 'auxiliary.2.momentum', 'auxiliary.3.chain.0'].map(
      (net) => all.get(`${net}.conv1.weight`)!.join(),
    );
    expect(new Set(drawn).size).toBe(4);
  });
});

test('cascades of three of two blocks are refused', () => {
  const network = tinyNetwork();
  const tensors = tf.memory().numTensors;
  const build = (): unknown => buildStrategy(network, { method: 'mlaan', blocks: 2, variant: 'imagenet' });
  expect(build).toThrow(UserError);
  expect(build).toThrow(
    /joins 3 blocks, and there are 2; ask for at least 3 blocks, of the \d+ units of resnet-\S+, or take shorter cascades/,
  );
  expect(tf.memory().numTensors).toBe(tensors);
  disposeNetwork(network);
});
