import { beforeAll, describe, expect, test } from 'vitest';
import { buildStrategy } from '../../src/local/build.js';
import { disposeNetwork } from '../../src/networks/network.js';
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

/** MLAAN's chains on CIFAR start as copies: their values are drawn once and counted many times. */
const drawn = tinyMethods.filter(
  (options) =>
    options.method !== 'bp' &&
    options.method !== 'man-plus' &&
    !(options.method === 'mlaan' && options.variant === undefined),
);

describe.each(drawn.map((options) => [titleOf(options), options] as const))('%s', (_, options) => {
  test('auxiliary nets start as the published code draws them', () => {
    const network = tinyNetwork();
    const strategy = buildStrategy(network, options);
    const parameters = strategy.auxiliary.filter(({ name }) => !name.includes('running_'));
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
