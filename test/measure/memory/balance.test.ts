import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Engine } from '../../../src/engine/engine.js';
import { balanceCuts, type BalancedCuts } from '../../../src/measure/memory/balance.js';
import { measureStep } from '../../../src/measure/memory/measure.js';
import type { StrategyOptionsInput } from '../../../src/local/options.js';
import { buildStrategy } from '../../../src/local/build.js';
import type { Strategy } from '../../../src/local/strategy.js';
import { disposeNetwork, type Network } from '../../../src/networks/network.js';
import { resnetCifar } from '../../../src/networks/resnet-cifar.js';
import { hasTorch, startEngine } from '../../support/engine.js';
import { sampleOf } from '../../support/fuzz.js';

const shape = { batchSize: 8, seed: 1 };

const networkOf = (layers: number): Network =>
  resnetCifar({ layers, classes: 10, imageShape: [32, 32, 3], seed: 1 });

const builder =
  (network: Network, options: StrategyOptionsInput) =>
  (cuts: readonly string[]): Strategy =>
    buildStrategy(network, { ...options, cuts: [...cuts] } as StrategyOptionsInput);

const balance = (engine: Engine, network: Network, options: StrategyOptionsInput, blocks: number) =>
  balanceCuts({ meter: engine.memory, network, blocks, build: builder(network, options), ...shape });

/** The real peak of every way to cut the network into so many blocks. */
function bruteForce(
  engine: Engine,
  network: Network,
  options: StrategyOptionsInput,
  blocks: number,
): Map<string, number> {
  const sites = network.units.slice(0, -1).map(({ name }) => name);
  const choices = (from: number, count: number): string[][] =>
    count === 0
      ? [[]]
      : sites
          .slice(from)
          .flatMap((name, i) => choices(from + i + 1, count - 1).map((rest) => [name, ...rest]));
  return new Map(
    choices(0, blocks - 1).map((cuts) => {
      const strategy = builder(network, options)(cuts);
      const { peakBytes } = measureStep(engine.memory, strategy, shape);
      strategy.dispose();
      return [cuts.join(), peakBytes];
    }),
  );
}

describe.skipIf(!hasTorch)('balanced cuts', () => {
  let engine: Engine;
  let resnet8: Network;
  let resnet14: Network;
  beforeAll(async () => {
    engine = await startEngine('torch');
    resnet8 = networkOf(8);
    resnet14 = networkOf(14);
  });
  afterAll(() => [resnet8, resnet14].forEach(disposeNetwork));

  // Estimates leave out threads' scratch memory; for HPFF into two, and InfoPro into
  // three, they choose the second best.
  const expectBest = (within: number, found: BalancedCuts, all: ReadonlyMap<string, number>): void => {
    expect(found.peakBytes).toBe(all.get(found.cuts.join()));
    expect(found.peakBytes / Math.min(...all.values()) - 1).toBeLessThan(within);
    expect(found.evenPeakBytes).toBeGreaterThanOrEqual(found.peakBytes);
  };

  test.each(
    sampleOf(
      (['greedy', 'dgl', 'predsim', 'infopro', 'auglocal', 'man', 'hpff'] as const).flatMap((method) =>
        [2, 3].map((blocks) => ({ method, blocks })),
      ),
      5,
    ),
  )('of $method into $blocks are the best of all of ResNet-8', async ({ method, blocks }) => {
    expectBest(
      method === 'hpff' && blocks === 2 ? 0.1 : 0.002,
      await balance(engine, resnet8, { method }, blocks),
      bruteForce(engine, resnet8, { method }, blocks),
    );
  });

  test.each(sampleOf(['dgl', 'infopro', 'hpff'] as const, 3))(
    'of %s into 3 are the best of all of ResNet-14, within few measurements',
    async (method) => {
      const found = await balance(engine, resnet14, { method }, 3);
      expectBest(method === 'infopro' ? 0.02 : 0.002, found, bruteForce(engine, resnet14, { method }, 3));
      expect(found.measured).toBeLessThanOrEqual(4);
      expect(Math.abs(found.estimatedBytes / found.peakBytes - 1)).toBeLessThan(0.1);
    },
  );

  test('are the same every time', async () => {
    const twice = [1, 2].map(() => balance(engine, resnet14, { method: 'greedy' }, 4));
    const [first, again] = [await twice[0], await twice[1]];
    expect(again).toEqual(first);
  });

  test('leave out places where the auxiliary nets cannot read the features', async () => {
    // 20 pixels halve to 10 and 5: quadrants of 5 there are none.
    const odd = resnetCifar({ layers: 14, classes: 10, imageShape: [20, 20, 3], seed: 1 });
    const found = await balance(engine, odd, { method: 'infopro' }, 4);
    expect(found.cuts).toHaveLength(3);
    const build = builder(odd, { method: 'hpff' });
    expect(() => build(['layer1.0', 'layer3.0'])).toThrow(/5×5/);
    const patches = await balance(engine, odd, { method: 'hpff' }, 4);
    expect(patches.cuts.every((name) => !name.startsWith('layer3'))).toBe(true);
    disposeNetwork(odd);
  });

  test('say how many blocks there can be at most', async () => {
    await expect(balance(engine, resnet8, { method: 'greedy' }, 5)).rejects.toThrow(
      'blocks: resnet-8 can be cut into at most 4 blocks here, not 5',
    );
  });
});
