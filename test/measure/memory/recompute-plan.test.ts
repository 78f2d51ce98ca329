import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { UserError } from '../../../src/core/errors.js';
import type { Engine } from '../../../src/engine/engine.js';
import type { RecomputePlan } from '../../../src/engine/recompute-choices.js';
import { measureStep } from '../../../src/measure/memory/measure.js';
import { planInWords } from '../../../src/measure/memory/choose-method.js';
import { planRecompute } from '../../../src/measure/memory/recompute-plan.js';
import { buildStrategy } from '../../../src/local/build.js';
import type { StrategyOptionsInput } from '../../../src/local/options.js';
import { recomputing, type Strategy } from '../../../src/local/strategy.js';
import { disposeNetwork, type Network } from '../../../src/networks/network.js';
import { resnetCifar } from '../../../src/networks/resnet-cifar.js';
import { hasTorch, startEngine } from '../../support/engine.js';
import { sampleOf } from '../../support/fuzz.js';

const shape = { batchSize: 32, seed: 1 };
const methods: readonly StrategyOptionsInput[] = [
  { method: 'bp' },
  { method: 'man', blocks: 2 },
  { method: 'hpff', blocks: 2 },
  { method: 'infopro', blocks: 2 },
];

describe.skipIf(!hasTorch)('a memory budget', () => {
  let engine: Engine;
  let network: Network;
  beforeAll(async () => {
    engine = await startEngine('torch');
    network = resnetCifar({ layers: 26, classes: 4, imageShape: [16, 16, 3], seed: 1 });
  });
  afterAll(() => disposeNetwork(network));

  const peakOf = (strategy: Strategy): number => measureStep(engine.memory, strategy, shape).peakBytes;
  const withMethod = (options: StrategyOptionsInput, f: (strategy: Strategy) => void): void => {
    const strategy = buildStrategy(network, options);
    try {
      f(strategy);
    } finally {
      strategy.dispose();
    }
  };
  const plan = (strategy: Strategy, budget: number): ReturnType<typeof planRecompute> =>
    planRecompute(engine.memory, strategy, budget, shape);
  const again = (plan: RecomputePlan): number =>
    Object.values(plan).reduce((sum, { places, kept }) => sum + places - kept.length, 0);

  test.each(sampleOf(methods, 2))(
    'of $method is met, and no more is recomputed the more there is',
    (options) => {
      withMethod(options, (strategy) => {
        const none = peakOf(strategy);
        const units = peakOf(recomputing(strategy, 'units'));
        let more = Infinity;
        for (const share of [0, 0.4, 0.8]) {
          const budget = Math.ceil(units + share * (none - units));
          const found = plan(strategy, budget);
          expect(found.plainBytes).toBe(none);
          expect(found.peakBytes).toBeLessThanOrEqual(budget);
          expect(peakOf(recomputing(strategy, found.plan))).toBe(found.peakBytes);
          expect(again(found.plan)).toBeGreaterThan(0);
          expect(again(found.plan)).toBeLessThanOrEqual(more);
          more = again(found.plan);
          if (share === 0.4) expect(plan(strategy, budget)).toEqual(found);
        }
      });
    },
  );

  test('that needs nothing recomputed recomputes nothing', () => {
    withMethod({ method: 'man', blocks: 2 }, (strategy) => {
      const found = plan(strategy, peakOf(strategy));
      expect(again(found.plan)).toBe(0);
      expect(planInWords(found.plan)).toBe('nothing');
    });
  });

  test('of BP below what units take is met by segments, some of them', () => {
    withMethod({ method: 'bp' }, (strategy) => {
      const budget = peakOf(recomputing(strategy, 'units')) - 1;
      const found = plan(strategy, budget);
      expect(found.peakBytes).toBeLessThanOrEqual(budget);
      expect(planInWords(found.plan)).toMatch(/^\d of 4 segments$/);
    });
  });

  test('that nothing meets: the least that would, and with which setting', () => {
    withMethod({ method: 'bp' }, (strategy) => {
      const refuse = (): unknown => plan(strategy, 1_000_000);
      expect(refuse).toThrow(UserError);
      let message = '';
      try {
        refuse();
      } catch (error) {
        message = (error as Error).message;
      }
      const [, least, setting] =
        /^recompute: auto: no step fits into memory: 1\.0 MB; the least found is ([\d.]+) MB, with recompute: (\w+)\. /.exec(
          message,
        ) ?? [];
      expect(setting).toBe('segments');
      expect(plan(strategy, Number(least) * 1e6).peakBytes).toBeLessThanOrEqual(Number(least) * 1e6);
    });
  });
});
