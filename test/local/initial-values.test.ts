import { beforeAll, describe, expect, test } from 'vitest';
import { buildStrategy } from '../../src/local/build.js';
import type { StrategyOptionsInput } from '../../src/local/options.js';
import { disposeNetwork, networkState } from '../../src/networks/network.js';
import { toTorch, type Parameter } from '../../src/nn/parameters.js';
import { startEngine } from '../support/engine.js';
import { mean } from '../support/numeric.js';
import { tinyMethods, tinyNetwork, titleOf } from '../support/tiny.js';

beforeAll(async () => {
  await startEngine();
});

/** How a tensor's values are spread as the published code draws them; the bound is of uniform ones. */
interface Distribution {
  readonly deviation: number;
  readonly bound?: number;
}

const uniform = (fanIn: number): Distribution => ({
  deviation: 1 / Math.sqrt(3 * fanIn),
  bound: 1 / Math.sqrt(fanIn),
});

/** Of one-dimensional tensors, the biases of convolutions and linear layers follow their weights. */
function published(weight: readonly number[]): { weight: Distribution; bias: Distribution } {
  const [out, inputs, ...kernel] = weight as [number, number, ...number[]];
  const area = kernel.reduce((product, length) => product * length, 1);
  const bias = uniform(inputs * area);
  return { weight: kernel.length === 0 ? bias : { deviation: Math.sqrt(2 / (area * out)) }, bias };
}

/** The values as multiples of what their deviation should be, those of many tensors pooled. */
function pooled(parameters: readonly Parameter[]): Record<'filter' | 'matrix' | 'bias', number[]> {
  const shapes = new Map(parameters.map((parameter) => [parameter.name, toTorch(parameter).shape]));
  const result: Record<'filter' | 'matrix' | 'bias', number[]> = { filter: [], matrix: [], bias: [] };
  for (const parameter of parameters) {
    const { shape, values } = toTorch(parameter);
    const weight = shapes.get(parameter.name.replace(/bias$/, 'weight'))!;
    if (weight.length === 1) {
      // Batch normalisation.
      expect(new Set(values)).toEqual(new Set([parameter.name.endsWith('weight') ? 1 : 0]));
      continue;
    }
    const { deviation, bound = Infinity } = published(weight)[shape.length === 1 ? 'bias' : 'weight'];
    expect(Math.max(...values.map(Math.abs))).toBeLessThanOrEqual(bound * (1 + 1e-6));
    const kind = shape.length === 4 ? 'filter' : shape.length === 2 ? 'matrix' : 'bias';
    for (const value of values) result[kind].push(value / deviation);
  }
  return result;
}

const copied = (options: object): boolean => 'momentumStart' in options && options.momentumStart === 'copied';
/** MLAAN's chains on CIFAR start as copies: their values are drawn once and counted many times. */
const drawn = tinyMethods.filter(
  (options) =>
    options.method !== 'bp' &&
    !copied(options) &&
    !(options.method === 'mlaan' && options.variant === undefined),
);

describe.each(drawn.map((options) => [titleOf(options), options] as const))('%s', (_, options) => {
  test('auxiliary nets start as the published code draws them', () => {
    const network = tinyNetwork();
    const strategy = buildStrategy(network, options);
    const parameters = strategy.auxiliary.filter(({ name }) => !/running_|scale$/.test(name));
    const { filter, matrix, bias } = pooled(parameters);
    // Fourth moments: 3 of a normal distribution, 9/5 of a uniform one.
    for (const [values, kurtosis] of [
      [filter, 3],
      [matrix, 9 / 5],
      [bias, 9 / 5],
    ] as const) {
      if (values.length === 0) continue;
      const error = 5 / Math.sqrt(values.length);
      expect(Math.abs(mean(values))).toBeLessThan(error);
      expect(Math.abs(mean(values.map((value) => value ** 2)) - 1)).toBeLessThan(
        error * Math.sqrt(kurtosis - 1),
      );
    }
    strategy.dispose();
    disposeNetwork(network);
  });
});

/** The nets of a method's first two bridges beside the unit that they are shaped like. */
describe.each<readonly [StrategyOptionsInput, readonly (readonly [block: number, next: string])[]]>([
  [
    { method: 'man', cuts: ['layer1.0', 'layer1.1'] },
    [
      [0, 'layer1.1'],
      [1, 'layer2.0'],
    ],
  ],
  [
    { method: 'man-plus', cuts: ['layer1.1'] },
    [
      [0, 'layer1.0'],
      [1, 'layer2.0'],
    ],
  ],
  [
    { method: 'dgl-man-plus', cuts: ['layer1.1'] },
    [
      [0, 'layer1.0'],
      [1, 'layer2.0'],
    ],
  ],
])('bridges of %j', (options, bridges) => {
  const started = (start: object): readonly (readonly ReadonlyMap<string, number[]>[])[] => {
    const network = tinyNetwork();
    const strategy = buildStrategy(network, { ...options, ...start } as StrategyOptionsInput);
    const all = [...networkState(network), ...strategy.auxiliary];
    const below = (prefix: string): Map<string, number[]> =>
      new Map(
        all
          .filter(({ name }) => name.startsWith(`${prefix}.`) && !name.includes('running_'))
          .map((parameter) => [parameter.name.slice(prefix.length + 1), [...toTorch(parameter).values]]),
      );
    const nets = bridges.map(([block, next]) => [
      below(next),
      below(`auxiliary.${block}.bias`),
      below(`auxiliary.${block}.momentum`),
    ]);
    const scales = all.filter(({ name }) => name.endsWith('.scale'));
    expect(scales).toHaveLength(options.method === 'man' ? 0 : bridges.length);
    for (const scale of scales) expect(toTorch(scale)).toEqual({ shape: [], values: Float32Array.of(1) });
    strategy.dispose();
    disposeNetwork(network);
    return nets;
  };

  test('B, M and the next unit are three draws of one kind, as after the published code’s own', () => {
    for (const nets of started({})) {
      for (const name of nets[0]!.keys()) {
        const values = nets.map((net) => net.get(name)!);
        if (!/conv|downsample\.0/.test(name)) {
          for (const each of values)
            expect(new Set(each)).toEqual(new Set([name.endsWith('weight') ? 1 : 0]));
          continue;
        }
        const energy = values.map((each) => mean(each.map((value) => value ** 2)));
        for (const [a, b] of [
          [0, 1],
          [0, 2],
          [1, 2],
        ] as const) {
          const correlation = mean(values[a]!.map((value, i) => value * values[b]![i]!));
          const n = values[a]!.length;
          expect(Math.abs(correlation) / Math.sqrt(energy[a]! * energy[b]!)).toBeLessThan(5 / Math.sqrt(n));
          expect(Math.abs(energy[a]! / energy[b]! - 1)).toBeLessThan((5 * 2) / Math.sqrt(n));
        }
      }
    }
  });

  test('M starts as the next unit where the options say so, B and the unit as before', () => {
    const plain = started({ momentumStart: 'drawn' });
    started({ momentumStart: 'copied' }).forEach(([next, bias, momentum], i) => {
      expect(momentum).toEqual(next);
      expect(next).toEqual(plain[i]![0]);
      expect(bias).toEqual(plain[i]![1]);
    });
  });
});
