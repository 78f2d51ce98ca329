import tf = require('@tensorflow/tfjs');
import { beforeAll, describe, expect, test, vi } from 'vitest';
import { detach } from '../../src/engine/detached.js';
import { composedOps, type FusedOps } from '../../src/engine/fused/all.js';
import { fused } from '../../src/engine/fused/registry.js';
import { createBatch, type Batch } from '../../src/local/batch.js';
import type { Strategy } from '../../src/local/strategy.js';
import type { LocalUpdate } from '../../src/local/update.js';
import { randomStream } from '../../src/core/random.js';
import { NotFinite } from '../../src/train/run-update.js';
import { sgd } from '../../src/train/sgd.js';
import { planSteps, trainStep } from '../../src/train/step.js';
import { startEngine } from '../support/engine.js';
import { largestError } from '../support/numeric.js';

beforeAll(async () => {
  await startEngine();
});

/** SGD as PyTorch documents it, in double precision. */
function naiveSgd(
  values: readonly number[],
  gradients: readonly (readonly number[])[],
  settings: { learningRate: number; momentum: number; weightDecay: number; nesterov: boolean },
): number[] {
  const { learningRate, momentum, weightDecay, nesterov } = settings;
  let parameters = [...values];
  let velocity: number[] | undefined;
  for (const gradient of gradients) {
    const decayed = gradient.map((g, i) => g + weightDecay * parameters[i]!);
    const before = velocity;
    const now = before === undefined ? decayed : decayed.map((g, i) => momentum * before[i]! + g);
    velocity = now;
    const direction = nesterov ? decayed.map((g, i) => g + momentum * now[i]!) : now;
    parameters = parameters.map((value, i) => value - learningRate * direction[i]!);
  }
  return parameters;
}

describe.each(['the engine', 'standard kernels'])('SGD on %s', (which) => {
  const ops = (): FusedOps => (which === 'the engine' ? fused() : composedOps);
  const random = randomStream(1, 'sgd');
  const draw = (): number[] => Array.from({ length: 6 }, () => Math.fround(random.normal()));

  test.each([
    { nesterov: true, momentum: 0.9, weightDecay: 1e-2 },
    { nesterov: false, momentum: 0.9, weightDecay: 1e-2 },
    { nesterov: false, momentum: 0, weightDecay: 0 },
  ])('$momentum, $weightDecay, Nesterov $nesterov: first and later steps', (options) => {
    const settings = { ...options, learningRate: 0.1 };
    const initial = draw();
    const gradients = [draw(), draw(), draw()];
    tf.tidy(() => {
      const variable = tf.variable(tf.tensor(initial, [2, 3]));
      const velocity = tf.variable(tf.zeros([2, 3]));
      gradients.forEach((gradient, step) => {
        ops().sgd([variable], [tf.tensor(gradient, [2, 3])], [velocity], settings);
        const expected = naiveSgd(initial, gradients.slice(0, step + 1), settings);
        expect(largestError(variable.dataSync(), expected)).toBeLessThan(1e-6);
      });
      variable.dispose();
      velocity.dispose();
    });
  });

  test('a moving average', () => {
    tf.tidy(() => {
      const average = tf.variable(tf.tensor1d([1, 2]));
      ops().movingAverage([average], [tf.tensor1d([3, -2])], 0.9);
      expect(largestError(average.dataSync(), [1.2, 1.6])).toBeLessThan(1e-6);
      average.dispose();
    });
  });
});

test('the optimiser keeps a momentum for each variable, and frees them', () => {
  const before = tf.memory().numTensors;
  const variable = tf.tidy(() => tf.variable(tf.tensor1d([1, -1])));
  const optimizer = sgd({ momentum: 0.9, nesterov: true, weightDecay: 0 });
  tf.tidy(() => {
    optimizer.step([variable], [tf.tensor1d([1, 2])], 0.1);
    optimizer.step([variable], [tf.tensor1d([1, 2])], 0.1);
  });
  const settings = { learningRate: 0.1, momentum: 0.9, weightDecay: 0, nesterov: true };
  const steps = [
    [1, 2],
    [1, 2],
  ];
  expect(largestError(variable.dataSync(), naiveSgd([1, -1], steps, settings))).toBeLessThan(1e-6);
  expect(tf.memory().numTensors).toBe(before + 2);
  optimizer.dispose();
  variable.dispose();
  expect(tf.memory().numTensors).toBe(before);
});

/** A strategy of updates alone. */
const strategyOf = (...updates: LocalUpdate[]): Strategy =>
  ({ name: 'test', updates }) as unknown as Strategy;

/** An update whose loss is the sum over its variables of factor · variable. */
function linearUpdate(name: string, variables: readonly tf.Variable[], factor: number): LocalUpdate {
  return {
    name,
    variables,
    forward: (streams) => ({
      loss: tf.mul(tf.addN(variables.map((variable) => tf.sum(variable))), factor),
      streams: { x: streams['x']! },
    }),
  };
}

function withBatch(f: (batch: Batch) => void): void {
  tf.tidy(() => {
    f(createBatch(new Uint8Array(4).fill(255), [0], [2, 2, 1], 2, { mean: [0], std: [1] }));
  });
}

describe('a training step', () => {
  test('steps a shared variable once, after its last update, on the summed gradients', () => {
    const [own, shared] = [1, 1].map((value) => tf.tidy(() => tf.variable(tf.scalar(value)))) as [
      tf.Variable,
      tf.Variable,
    ];
    const seen: number[] = [];
    const strategy = strategyOf(linearUpdate('first', [own, shared], 2), {
      ...linearUpdate('second', [shared], 3),
      after: () => seen.push(shared.dataSync()[0]!),
    });
    const steps: tf.Variable[][] = [];
    const optimizer = sgd({ momentum: 0, nesterov: false, weightDecay: 0 });
    const watched = {
      ...optimizer,
      step: (...args: Parameters<typeof optimizer.step>) => {
        steps.push([...args[0]]);
        optimizer.step(...args);
      },
    };
    withBatch((batch) => {
      const { losses } = trainStep(strategy, planSteps(strategy.updates), watched, 0.1, batch);
      expect(losses).toEqual([4, 3]);
    });
    expect(steps).toEqual([[own], [shared]]);
    // `after` runs before the variables move.
    expect(seen).toEqual([1]);
    expect(own.dataSync()[0]).toBeCloseTo(1 - 0.1 * 2, 6);
    expect(shared.dataSync()[0]).toBeCloseTo(1 - 0.1 * 5, 6);
    optimizer.dispose();
    tf.dispose([own, shared]);
  });

  test('hands streams on detached and frees those that are not passed on', () => {
    const variable = tf.tidy(() => tf.variable(tf.scalar(2)));
    const before = tf.memory().numTensors;
    const strategy = strategyOf(
      {
        name: 'producer',
        variables: [variable],
        forward: ({ x }) => {
          const y = tf.mul(x!, variable);
          return { loss: tf.sum(y), streams: { y: detach(y), unused: detach(y) } };
        },
      },
      {
        name: 'consumer',
        variables: [variable],
        forward: ({ x, y }) => {
          expect(x).toBeUndefined();
          return { loss: tf.add(tf.sum(y!), tf.mul(variable, 0)), streams: {} };
        },
      },
    );
    const optimizer = sgd({ momentum: 0, nesterov: false, weightDecay: 0 });
    withBatch((batch) => {
      trainStep(strategy, planSteps(strategy.updates), optimizer, 0.1, batch);
    });
    // Four ones times the variable: the consumer's gradient would double this were y connected.
    expect(variable.dataSync()[0]).toBeCloseTo(2 - 0.1 * 4, 6);
    optimizer.dispose();
    expect(tf.memory().numTensors).toBe(before);
    variable.dispose();
  });

  test.each([NaN, Infinity])(
    'names the first update whose loss became %d, having read the losses once, and leaves those before alone',
    (value) => {
      const variables = [1, 1, 1].map((initial) => tf.tidy(() => tf.variable(tf.scalar(initial))));
      const before = tf.memory().numTensors;
      const strategy = strategyOf(
        linearUpdate('block 1', [variables[0]!], 1),
        linearUpdate('block 2', [variables[1]!], value),
        linearUpdate('block 3', [variables[2]!], value),
      );
      const reads = vi.spyOn(tf.backend(), 'readSync');
      const optimizer = sgd({ momentum: 0, nesterov: false, weightDecay: 0 });
      withBatch((batch) => {
        const step = (): unknown => trainStep(strategy, planSteps(strategy.updates), optimizer, 0.1, batch);
        expect(step).toThrow(new NotFinite('block 2', value));
      });
      expect(reads).toHaveBeenCalledTimes(1);
      reads.mockRestore();
      expect(variables[0]!.dataSync()[0]).toBeCloseTo(1 - 0.1, 6);
      optimizer.dispose();
      expect(tf.memory().numTensors).toBe(before);
      tf.dispose(variables);
    },
  );
});

test('the plan steps each variable with the last update that lists it', () => {
  const [a, b, c] = [0, 1, 2].map((value) => tf.tidy(() => tf.variable(tf.scalar(value)))) as [
    tf.Variable,
    tf.Variable,
    tf.Variable,
  ];
  const plan = planSteps([
    linearUpdate('1', [a, b], 1),
    linearUpdate('2', [b, c], 1),
    linearUpdate('3', [c], 1),
  ]);
  expect(plan.map(({ steps }) => [...steps.keys()])).toEqual([[a], [b], [c]]);
  tf.dispose([a, b, c]);
});

test('what a later update follows is stepped behind that one, on the gradient of the earlier', () => {
  const [a, b] = [1, 2].map((value) => tf.tidy(() => tf.variable(tf.scalar(value)))) as [
    tf.Variable,
    tf.Variable,
  ];
  const seen: number[] = [];
  const updates = [
    linearUpdate('1', [a], 1),
    { ...linearUpdate('2', [b], 1), follows: [a], after: () => void seen.push(a.dataSync()[0]!) },
  ];
  expect(planSteps(updates).map(({ steps }) => [...steps.keys()])).toEqual([[], [a, b]]);
  const optimizer = sgd({ momentum: 0, nesterov: false, weightDecay: 0 });
  withBatch((batch) => {
    trainStep(strategyOf(...updates), planSteps(updates), optimizer, 0.1, batch);
  });
  expect(seen).toEqual([1]);
  expect(a.dataSync()[0]).toBeCloseTo(1 - 0.1 * 1, 6);
  optimizer.dispose();
  tf.dispose([a, b]);
});
