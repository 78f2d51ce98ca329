import fc from 'fast-check';
import { afterAll, describe, expect, test } from 'vitest';
import { UserError } from '../../../src/core/errors.js';
import {
  cutsAfter,
  evenCuts,
  everyUnit,
  memoryBalancedCuts,
  publishedOrEvenCuts,
  unitRuns,
} from '../../../src/local/partition/partition.js';
import { publishedCuts } from '../../../src/local/partition/published-cuts.js';
import { disposeNetwork, type Network } from '../../../src/networks/network.js';
import { resnetCifar } from '../../../src/networks/resnet-cifar.js';
import { startEngine } from '../../support/engine.js';

await startEngine('cpu');

const networkOf = (layers: number): Network =>
  resnetCifar({ layers, classes: 10, imageShape: [32, 32, 3], seed: 1 });
const resnet32 = networkOf(32);
const resnet110 = networkOf(110);
const networks = { 'resnet-32': resnet32, 'resnet-110': resnet110 };
afterAll(() => {
  Object.values(networks).forEach(disposeNetwork);
});

const lastNames = (network: Network, cuts: readonly number[]): string[] =>
  unitRuns(network, cuts).map((units) => units.at(-1)!.name);

describe('published cut points', () => {
  test.each([
    ['resnet-32', [2, 3, 4, 8]],
    ['resnet-110', [2, 3, 4, 8, 16, 32]],
  ] as const)('of %s name units, in order, one less than the blocks', (name, counts) => {
    const network = networks[name];
    for (const count of counts) {
      const names = publishedCuts(name, count);
      expect(names).toHaveLength(count - 1);
      const cuts = publishedOrEvenCuts(network, count);
      expect(cuts.map((cut) => network.units[cut]!.name)).toEqual(
        (names as readonly string[]).map((unit) => `layer${unit}`),
      );
      expect(cuts).toEqual([...new Set(cuts)].sort((a, b) => a - b));
      expect(cuts).not.toContain(network.units.length - 1);
    }
  });

  test('for every unit join the stem to the first: a block less than was asked for', () => {
    expect(unitRuns(resnet32, publishedOrEvenCuts(resnet32, 16))).toHaveLength(15);
    expect(unitRuns(resnet110, publishedOrEvenCuts(resnet110, 55))).toHaveLength(54);
    expect(unitRuns(resnet32, publishedOrEvenCuts(resnet32, 16))[0]!.map(({ name }) => name)).toEqual([
      'stem',
      'layer1.0',
    ]);
  });

  test('of MAN for ResNet-32 and 4 blocks', () => {
    expect(lastNames(resnet32, publishedOrEvenCuts(resnet32, 4))).toEqual([
      'layer1.2',
      'layer2.1',
      'layer3.0',
      'layer3.4',
    ]);
  });

  test('balanced for memory are those of ResNet-110, and ContSup’s of ResNet-32', () => {
    expect(lastNames(resnet110, memoryBalancedCuts(resnet110, 4))).toEqual([
      'layer1.6',
      'layer1.14',
      'layer2.8',
      'layer3.17',
    ]);
    expect(lastNames(resnet110, memoryBalancedCuts(resnet110, 3)).slice(0, 2)).toEqual([
      'layer1.9',
      'layer2.2',
    ]);
    expect(() => memoryBalancedCuts(resnet110, 8)).toThrow(/no memory-balanced cut points.*2, 3 and 4/);
    expect(lastNames(resnet32, memoryBalancedCuts(resnet32, 2))).toEqual(['layer1.3', 'layer3.4']);
    expect(() => memoryBalancedCuts(resnet32, 3)).toThrow(UserError);
  });
});

test('memory-balanced cut points of STL-10 are those of images of 96 pixels', () => {
  const at96 = { ...resnet110, imageShape: [96, 96, 3] as const };
  const names = (count: number): string[] => lastNames(at96, memoryBalancedCuts(at96, count));
  expect(names(3)).toEqual(['layer1.8', 'layer2.1', 'layer3.17']);
  expect(names(2)).toEqual(['layer1.14', 'layer3.17']);
  expect(names(4)).toEqual(['layer1.6', 'layer1.14', 'layer2.8', 'layer3.17']);
});

describe('even cuts', () => {
  const choice = fc.record({
    network: fc.constantFrom(resnet32, resnet110),
    share: fc.double({ min: 0, max: 1, noNaN: true }),
    stemJoined: fc.boolean(),
  });

  test('make blocks whose lengths differ by at most one, and lose no unit', () => {
    fc.assert(
      fc.property(choice, ({ network, share, stemJoined }) => {
        const available = network.units.length - (stemJoined ? 1 : 0);
        const count = 1 + Math.floor(share * (available - 1));
        const runs = unitRuns(network, evenCuts(network, count, { stemJoined }));
        expect(runs).toHaveLength(count);
        expect(runs.flat()).toEqual(network.units);
        const lengths = runs.map((run, i) => run.length - (i === 0 && stemJoined ? 1 : 0));
        expect(Math.max(...lengths) - Math.min(...lengths)).toBeLessThanOrEqual(1);
      }),
    );
  });

  test('of as many blocks as units are after every unit', () => {
    expect(evenCuts(resnet32, 16, { stemJoined: false })).toEqual(everyUnit(resnet32));
  });

  test('of more blocks than units are refused', () => {
    expect(() => evenCuts(resnet32, 17, { stemJoined: false })).toThrow(
      new UserError('blocks: 17 is more than the 16 units of resnet-32; ask for at most 16'),
    );
    expect(() => publishedOrEvenCuts(resnet32, 17)).toThrow(/17 is more than the 15 units.*stem belongs/);
  });
});

describe('explicit cuts', () => {
  test('are after the units named', () => {
    expect(lastNames(resnet32, cutsAfter(resnet32, ['stem', 'layer2.3']))).toEqual([
      'stem',
      'layer2.3',
      'layer3.4',
    ]);
  });

  test.each([
    [['layer4.0'], /resnet-32 has no unit 'layer4.0'; it has stem, layer1.0, layer1.1, … layer3.4/],
    [['layer2.0', 'layer1.0'], /'layer1.0' comes before 'layer2.0'/],
    [['layer2.0', 'layer2.0'], /'layer2.0' comes before 'layer2.0'/],
    [['layer3.4'], /'layer3.4' is the last unit/],
  ])('%j are refused', (names, message) => {
    expect(() => cutsAfter(resnet32, names)).toThrow(message);
    expect(() => cutsAfter(resnet32, names)).toThrow(UserError);
  });
});
