import tf = require('@tensorflow/tfjs');
import { beforeAll, describe, expect, test } from 'vitest';
import { detach } from '../../src/engine/detached.js';
import type { Batch } from '../../src/local/batch.js';
import type { StrategyOptionsInput } from '../../src/local/options.js';
import type { Strategy } from '../../src/local/strategy.js';
import type { Streams } from '../../src/local/update.js';
import { networkState } from '../../src/networks/network.js';
import type { Parameter } from '../../src/nn/parameters.js';
import { startEngine } from '../support/engine.js';
import { sampleOf } from '../support/fuzz.js';
import { reachedBy, tinyBatch, tinyMethods, tinyRun, titleOf } from '../support/tiny.js';

beforeAll(async () => {
  await startEngine();
});

/** Everything that has a gradient or an average: running statistics are left out. */
function allParameters({ network, auxiliary }: Strategy): Parameter[] {
  return [...networkState(network), ...auxiliary].filter(({ name }) => !name.includes('running_'));
}

/** By update and parameter, the gradient that the update's loss has, of all the parameters that there are. */
function gradientsOf(strategy: Strategy, batch: Batch, updates: number): Map<string, Float32Array>[] {
  const parameters = allParameters(strategy);
  const variables = parameters.map(({ variable }) => variable);
  // Momentum nets are not trained, but a gradient that reached them would show if they were.
  let streams: Streams = { x: detach(batch.images) };
  return strategy.updates.slice(0, updates).map((update) => {
    let next: Streams = {};
    const { grads } = tf.variableGrads(() => {
      const result = update.forward(streams, batch);
      next = result.streams;
      return result.loss;
    }, variables);
    streams = next;
    return new Map(
      parameters.flatMap(({ name, variable }) => {
        const gradient = grads[variable.name] as tf.Tensor | undefined;
        return gradient ? [[name, Float32Array.from(gradient.dataSync())] as const] : [];
      }),
    );
  });
}

/** As `gradientsOf`, from the same running statistics each time, leaving no tensor behind. */
function cleanGradients(strategy: Strategy, updates = strategy.updates.length): Map<string, Float32Array>[] {
  let result: Map<string, Float32Array>[] = [];
  tf.tidy(() => {
    result = gradientsOf(strategy, tinyBatch(), updates);
  });
  return result;
}

const namesIn = (strategy: Strategy, update: number): string[] => {
  const own = new Set(strategy.updates[update]!.variables);
  return allParameters(strategy)
    .filter(({ variable }) => own.has(variable))
    .map(({ name }) => name)
    .sort();
};

describe.each(sampleOf(tinyMethods, 4).map((options) => ({ title: titleOf(options), options })))(
  '$title',
  ({ options }) => {
    test('each update has gradients for the variables it lists, and for no other', () => {
      const run = tinyRun(options);
      const gradients = cleanGradients(run.strategy);
      gradients.forEach((found, update) => {
        expect([...found.keys()].sort()).toEqual(namesIn(run.strategy, update));
      });
      run.dispose();
    });

    test('what comes after an update does not change its gradients by a bit', () => {
      const run = tinyRun(options);
      const { strategy } = run;
      const before = cleanGradients(strategy);
      for (let last = strategy.updates.length - 2; last >= 0; last--) {
        const reached = new Set(strategy.updates.slice(0, last + 1).flatMap(reachedBy));
        const later = new Set(strategy.updates.slice(last + 1).flatMap((update) => [...update.variables]));
        for (const variable of later) {
          if (!reached.has(variable)) tf.tidy(() => variable.assign(tf.fill(variable.shape, NaN)));
        }
        const after = cleanGradients(strategy, last + 1);
        expect(after).toEqual(before.slice(0, last + 1));
        for (const gradient of after[last]!.values()) expect(gradient.some(Number.isNaN)).toBe(false);
      }
      run.dispose();
    });
  },
);

test('a change before a block does reach its gradients', () => {
  const run = tinyRun({ method: 'greedy' });
  const before = cleanGradients(run.strategy);
  const stem = run.network.units[0]!.layer.parameters[0]!.variable;
  tf.tidy(() => stem.assign(tf.mul(stem, 1.5)));
  const after = cleanGradients(run.strategy);
  expect(after[1]).not.toEqual(before[1]);
  run.dispose();
});

test("HPFF's blocks wait for the next pair's gradient, the last for that of its own loss", () => {
  const options: StrategyOptionsInput = { method: 'hpff', blocks: 4 };
  const run = tinyRun(options);
  const { strategy, network } = run;
  expect(strategy.updates.map(({ name }) => name)).toEqual([
    'cascade 1–2',
    'block 2',
    'cascade 2–3',
    'block 3',
    'head',
    'block 4',
  ]);
  const blocksOf = (gradients: ReadonlyMap<string, unknown>): number[] =>
    strategy.partition.flatMap((units, block) =>
      units.some((unit) =>
        network.units
          .find(({ name }) => name === unit)!
          .layer.parameters.some(({ name }) => gradients.has(name)),
      )
        ? [block + 1]
        : [],
    );
  const gradients = cleanGradients(strategy);
  expect(gradients.map(blocksOf)).toEqual([[1], [], [2], [], [3], [4]]);
  expect(gradients.map((found) => found.has('conv1.weight'))).toEqual([
    true,
    false,
    false,
    false,
    false,
    false,
  ]);
  expect(gradients.map((found) => found.has('fc.weight'))).toEqual([false, false, false, false, true, true]);
  run.dispose();
});

test("MAN's momentum net gets no gradient, its bias net does", () => {
  const run = tinyRun({ method: 'man', blocks: 3 });
  const [first] = cleanGradients(run.strategy);
  expect(first!.has('auxiliary.0.bias.conv1.weight')).toBe(true);
  expect(first!.has('auxiliary.0.momentum.conv1.weight')).toBe(false);
  expect(run.strategy.auxiliary.some(({ name }) => name === 'auxiliary.0.momentum.conv1.weight')).toBe(true);
  run.dispose();
});
