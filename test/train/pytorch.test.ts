import { readFileSync } from 'node:fs';
import tf = require('@tensorflow/tfjs');
import { beforeAll, describe, expect, it } from 'vitest';
import { crossEntropy } from '../../src/local/axes/loss/cross-entropy.js';
import { createBatch, type Batch } from '../../src/local/batch.js';
import type { Strategy } from '../../src/local/strategy.js';
import type { LocalUpdate } from '../../src/local/update.js';
import { constant, createParameter, rootScope, setFromTorch, toTorch } from '../../src/nn/parameters.js';
import type { Parameter, ParameterRole } from '../../src/nn/parameters.js';
import { adamw } from '../../src/train/adamw.js';
import { learningRateAt, type ScheduleOptions } from '../../src/train/schedule.js';
import { sgd } from '../../src/train/sgd.js';
import type { Optimizer } from '../../src/train/optimizer.js';
import { planSteps, trainStep, type UpdateRecipe } from '../../src/train/step.js';
import { averageWeights } from '../../src/train/weight-average.js';
import { startEngine, testEngine } from '../support/engine.js';
import { largestError } from '../support/numeric.js';

type Numbers = Readonly<Record<string, readonly number[]>>;

/** By `experiments/parity/optimizers.py`. */
const torch = JSON.parse(readFileSync('test/fixtures/optimizers.json', 'utf8')) as {
  readonly shapes: Readonly<Record<string, number[]>>;
  readonly initial: Numbers;
  readonly gradients: readonly Numbers[];
  readonly optimizers: Readonly<Record<string, { readonly first: Numbers; readonly last: Numbers }>>;
  readonly schedules: Readonly<Record<string, readonly number[]>>;
  readonly smoothing: readonly {
    readonly smoothing: number;
    readonly classes: number;
    readonly labels: readonly number[];
    readonly logits: readonly number[];
    readonly loss: number;
    readonly gradient: readonly number[];
  }[];
};

const roles: Readonly<Record<string, ParameterRole>> = { 'linear.bias': 'bias', 'norm.weight': 'norm' };
const noDecay = ['bias', 'norm'] as const;
const none = { momentum: 0, nesterov: false, weightDecay: 0 };
const nesterov = { momentum: 0.9, nesterov: true, weightDecay: 0.05 };
const usual = { betas: [0.9, 0.999], epsilon: 1e-8, weightDecay: 0.05 } as const;

interface Case {
  readonly optimizer: () => Optimizer;
  readonly rate: number;
  readonly recipe?: UpdateRecipe;
  /** Of the average, which is compared then. */
  readonly decay?: number;
}

const cases: Readonly<Record<string, Case>> = {
  'sgd-plain': { optimizer: () => sgd(none), rate: 0.05 },
  'sgd-plain-decay': { optimizer: () => sgd({ ...none, weightDecay: 0.05 }), rate: 0.05 },
  'sgd-momentum': { optimizer: () => sgd({ ...nesterov, nesterov: false }), rate: 0.05 },
  'sgd-nesterov': { optimizer: () => sgd(nesterov), rate: 0.05 },
  'sgd-nesterov-no-decay': { optimizer: () => sgd({ ...nesterov, noDecay }), rate: 0.05 },
  adamw: { optimizer: () => adamw(usual), rate: 0.01 },
  'adamw-no-decay': { optimizer: () => adamw({ ...usual, noDecay }), rate: 0.01 },
  'adamw-options': {
    optimizer: () => adamw({ betas: [0.8, 0.95], epsilon: 1e-4, weightDecay: 0 }),
    // By a factor of the update's, as it may be.
    ...{ rate: 0.1, recipe: { rateFactors: { all: 0.5 } } },
  },
  'clip-norm': { optimizer: () => sgd(nesterov), rate: 0.05, recipe: { clip: { norm: 1.5 } } },
  'clip-value': { optimizer: () => sgd(nesterov), rate: 0.05, recipe: { clip: { value: 0.5 } } },
  average: { optimizer: () => sgd(nesterov), rate: 0.05, decay: 0.9 },
};

function parameters(): Parameter[] {
  return Object.entries(torch.shapes).map(([name, shape]) => {
    const parameter = createParameter(rootScope(1), name, shape, constant(0), roles[name] ?? 'weight');
    setFromTorch(parameter, { shape, values: Float32Array.from(torch.initial[name]!) });
    return parameter;
  });
}

/** One whose gradients are those that are given to PyTorch. */
function strategyOf(own: readonly Parameter[], step: () => number): Strategy {
  const forward: LocalUpdate['forward'] = () => {
    const terms = own.map(({ name, variable }) => {
      const values = Float32Array.from(torch.gradients[step()]![name]!);
      const gradient = { name, variable: tf.variable(tf.zerosLike(variable as tf.Tensor), false) };
      setFromTorch(gradient, { shape: torch.shapes[name]!, values });
      const term = tf.sum(tf.mul(variable, gradient.variable));
      gradient.variable.dispose();
      return term;
    });
    return { loss: tf.addN(terms) as tf.Scalar, streams: {} };
  };
  const updates = [{ name: 'all', variables: own.map(({ variable }) => variable), forward }];
  const network = {
    ...{ name: 'none', classes: 2, imageShape: [1, 1, 1], seed: 1, units: [], buildUnit: () => undefined },
    head: { parameters: [], buffers: [], forward: () => tf.scalar(0) },
  };
  return { name: 'test', network, updates, auxiliary: [] } as unknown as Strategy;
}

describe.each([...new Set([testEngine, 'wasm', 'cpu'] as const)])('PyTorch’s numbers on %s', (engine) => {
  beforeAll(async () => {
    await startEngine(engine);
  });

  const image = { size: 1, images: undefined as unknown as tf.Tensor4D } as unknown as Batch;

  it.each(Object.keys(torch.optimizers))('%s over 20 steps', (name) => {
    const { optimizer: make, rate, recipe, decay } = cases[name]!;
    const { first, last } = torch.optimizers[name]!;
    const before = tf.memory().numTensors;
    const own = parameters();
    const optimizer = make();
    let step = 0;
    const strategy = strategyOf(own, () => step);
    const average = decay === undefined ? undefined : averageWeights(strategy, decay);
    const compared = (wanted: Numbers): void => {
      average?.swap();
      for (const parameter of own) {
        const error = largestError(toTorch(parameter).values, wanted[parameter.name]!);
        expect(error, `${parameter.name}, step ${step + 1}`).toBeLessThan(1e-6);
      }
      average?.swap();
    };
    const plan = planSteps(strategy.updates, recipe);
    let held = 0;
    for (; step < torch.gradients.length; step++) {
      tf.tidy(() => {
        const images = tf.zeros<tf.Rank.R4>([1, 1, 1, 1]);
        trainStep(strategy, plan, optimizer, rate, { ...image, images });
      });
      average?.update();
      if (step === 0) {
        compared(first);
        held = tf.memory().numTensors;
      }
    }
    step--;
    compared(last);
    expect(tf.memory().numTensors).toBe(held);
    optimizer.dispose();
    average?.dispose();
    tf.dispose(own.map(({ variable }) => variable));
    expect(tf.memory().numTensors).toBe(before);
  });

  it.each(torch.smoothing)('cross-entropy with label smoothing $smoothing', (wanted) => {
    const { smoothing, classes, labels } = wanted;
    tf.tidy(() => {
      const images = new Uint8Array(labels.length);
      const normalization = { mean: [0.5], std: [0.25] };
      const batch = createBatch(images, labels, [1, 1, 1], classes, normalization, undefined, smoothing);
      const logits = tf.tensor2d([...wanted.logits], [labels.length, classes]);
      const { value, grad } = tf.valueAndGrad((x: tf.Tensor) => crossEntropy(x as tf.Tensor2D, batch.labels))(
        logits,
      );
      expect(value.dataSync()[0]).toBeCloseTo(wanted.loss, 6);
      expect(largestError(grad.dataSync(), wanted.gradient)).toBeLessThan(1e-6);
      expect([...tf.argMax(batch.hardLabels(), 1).dataSync()]).toEqual(labels);
      expect(tf.max(batch.hardLabels()).dataSync()[0]).toBe(1);
    });
  });
});

const peak = { learningRate: 0.1, warmupEpochs: 0 };
const oneCycle = { rise: 0.3, divide: 25, divideLast: 1e4, curve: 'cosine' };
const scheduled: Readonly<Record<string, { readonly options: ScheduleOptions; readonly steps: number }>> = {
  'one-cycle': { options: { ...peak, epochs: 4, schedule: { name: 'one-cycle', ...oneCycle } }, steps: 5 },
  'one-cycle-linear': {
    options: {
      ...{ ...peak, epochs: 2 },
      schedule: { name: 'one-cycle', rise: 0.45, divide: 10, divideLast: 100, curve: 'linear' },
    },
    steps: 10,
  },
  steps: {
    options: { ...peak, epochs: 20, schedule: { name: 'steps', at: [5, 12], factor: 0.2 } },
    steps: 1,
  },
  linear: { options: { ...peak, epochs: 4, schedule: { name: 'linear', from: 0.5, to: 0.1 } }, steps: 5 },
  'linear-part': {
    options: { ...peak, epochs: 5, schedule: { name: 'linear', from: 0.25, to: 1, over: 2 } },
    steps: 4,
  },
};

it.each(Object.keys(torch.schedules))('PyTorch’s learning rates: %s', (name) => {
  const { options, steps } = scheduled[name]!;
  const rates = torch.schedules[name]!.map((_, i) =>
    learningRateAt({ epoch: Math.floor(i / steps) + 1, step: i % steps, steps }, options),
  );
  rates.forEach((rate, i) => expect(rate, `step ${i}`).toBeCloseTo(torch.schedules[name]![i]!, 12));
});
