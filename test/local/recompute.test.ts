import { createHash } from 'node:crypto';
import tf = require('@tensorflow/tfjs');
import { beforeAll, describe, expect, test } from 'vitest';
import type { Engine } from '../../src/engine/engine.js';
import type { Recompute, RecomputePlan } from '../../src/engine/recompute-choices.js';
import { buildStrategy } from '../../src/local/build.js';
import { noiseBatch } from '../../src/local/noise-batch.js';
import type { StrategyOptionsInput } from '../../src/local/options.js';
import type { Precision } from '../../src/engine/precision.js';
import { inPrecision, recomputing, type Strategy } from '../../src/local/strategy.js';
import { buildNetwork } from '../../src/networks/build.js';
import { disposeNetwork, networkCounters, networkState, type Network } from '../../src/networks/network.js';
import type { NetworkOptions } from '../../src/networks/options.js';
import { setFromTorch, toTorch } from '../../src/nn/parameters.js';
import { papersSgd, sgd } from '../../src/train/sgd.js';
import { planSteps, trainStep } from '../../src/train/step.js';
import { torchEngine } from '../support/device.js';
import { hasTorch, startEngine } from '../support/engine.js';
import { sampleOf } from '../support/fuzz.js';
import { tinyMethods, tinyNetwork, tinyRun, titleOf } from '../support/tiny.js';

type Build = () => Network;

/** What maps, and an optimiser's state, are held in. */
interface Kinds {
  readonly precision?: Precision;
  readonly state?: 'bf16';
}

const hash = (variable: tf.Variable): string =>
  createHash('sha256').update(variable.dataSync()).digest('hex');

/** Two steps' losses, then every parameter, running statistic and counter, by its bits. */
type Train = (recompute: Recompute | ((strategy: Strategy) => RecomputePlan), kinds?: Kinds) => unknown[];

/**
 * Gives f what trains a network, as it was built each time, by a method. It is built once: most of the time would be its
 * initial values.
 */
function withNetwork(build: Build, options: StrategyOptionsInput, f: (trained: Train) => void): void {
  const network = build();
  const state = networkState(network).map((parameter) => [parameter, toTorch(parameter)] as const);
  const counts = networkCounters(network).map((counter) => [counter, counter.value] as const);
  f((recompute, { precision = 'float32', state: kept } = {}) => {
    for (const [parameter, value] of state) setFromTorch(parameter, value);
    for (const [counter, value] of counts) counter.value = value;
    return trainedFrom(network, options, recompute, precision, kept);
  });
  disposeNetwork(network);
}

function trainedFrom(
  network: Network,
  options: StrategyOptionsInput,
  recompute: Parameters<Train>[0],
  precision: Precision,
  kept: Kinds['state'],
): unknown[] {
  const plain = buildStrategy(network, options);
  const again = recomputing(plain, typeof recompute === 'string' ? recompute : recompute(plain));
  const strategy = inPrecision(again, precision);
  const optimizer = sgd({ ...papersSgd, ...(kept !== undefined && { state: kept }) });
  const plan = planSteps(strategy.updates);
  const batches = noiseBatch(network, 4, 1);
  const losses = [1, 2].map(() => {
    let found: readonly number[] = [];
    tf.tidy(() => {
      found = trainStep(strategy, plan, optimizer, 0.05, batches()).losses;
    });
    return found;
  });
  const { auxiliary, counters = [] } = strategy;
  const found = [
    losses,
    ...[...networkState(strategy.network), ...auxiliary].map(({ name, variable }) => [name, hash(variable)]),
    ...[...networkCounters(strategy.network), ...counters].map(({ name, value }) => [name, value]),
  ];
  optimizer.dispose();
  strategy.dispose();
  return found;
}

/** A plan that recomputes at every second place alone. */
const everySecond =
  (recompute: Recompute, first: number) =>
  ({ updates }: Strategy): RecomputePlan => {
    const kept = Array.from({ length: 50 }, (_, i) => first + 2 * i);
    return Object.fromEntries(updates.map(({ name }) => [name, { recompute, places: 100, kept }]));
  };

const vit: NetworkOptions = { name: 'vit', layers: 4, width: 16, heads: 2, patchSize: 4 };
const vgg: NetworkOptions = { name: 'vgg', layers: 13, head: 'pooled' };
const imagenet: NetworkOptions = { name: 'resnet-imagenet', layers: 18 };
const families: readonly (readonly [NetworkOptions, number, StrategyOptionsInput])[] = [
  ...[vit, vgg, imagenet].map((each) => [each, each === vit ? 16 : 32, { method: 'bp' }] as const),
  [vit, 16, { method: 'man', blocks: 3 }],
  [vit, 16, { method: 'hpff', blocks: 3 }],
  [vgg, 32, { method: 'man', blocks: 3, auxiliary: '1c1f' }],
  [imagenet, 64, { method: 'auglocal', cuts: ['stem', 'layer2.1'], depth: 1, classifier: 'imagenet' }],
  [
    imagenet,
    64,
    {
      ...{ method: 'hpff', cuts: ['layer2.0', 'layer3.0'], independentWeight: 0 },
      ...{ auxiliary: 'imagenet', decoder: 'hpff-imagenet', fusion: 'patch-sum' },
    },
  ],
];

const cases = [
  ...tinyMethods.map((options) => ({ title: titleOf(options), build: () => tinyNetwork(), options })),
  ...families.map(([network, size, options]) => ({
    title: `${network.name}: ${titleOf(options)}`,
    build: () => buildNetwork(network, { classes: 4, imageShape: [size, size, 3], seed: 1 }),
    options,
  })),
];

describe.skipIf(!hasTorch)('on torch', () => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await startEngine(torchEngine);
  });

  test.each(sampleOf(cases, 9))(
    '$title: numbers are the same to the last bit',
    { timeout: 120_000 },
    ({ build, options }) =>
      withNetwork(build, options, (trained) => {
        const plain = trained('none');
        expect(trained('units')).toEqual(plain);
        expect(trained('segments')).toEqual(plain);
        expect(trained(everySecond('units', 0))).toEqual(plain);
        expect(trained(everySecond('segments', 1))).toEqual(plain);
      }),
  );

  const inBf16 = [
    ['maps', { precision: 'bf16' }],
    ['the state of the optimiser', { state: 'bf16' }],
    ['both', { precision: 'bf16', state: 'bf16' }],
  ] as const;
  const inBf16Methods = ['bp', 'auglocal', 'man', 'hpff'].map((method) =>
    cases.find(({ options }) => options.method === method)!,
  );
  test.each(
    sampleOf(
      inBf16.flatMap(([what, kinds]) => inBf16Methods.map((each) => ({ what, kinds, ...each }))),
      5,
    ),
  )('$title, $what in bf16: numbers are the same to the last bit', ({ build, options, kinds }) =>
    withNetwork(build, options, (trained) => {
      const plain = trained('none', kinds);
      expect(plain).not.toEqual(trained('none'));
      expect(trained('units', kinds)).toEqual(plain);
      expect(trained(everySecond('segments', 1), kinds)).toEqual(plain);
    }),
  );

  test('what is recomputed is not held, and nothing stays behind', () => {
    const peak = (recompute: Recompute): number => {
      const run = tinyRun(
        (network) => recomputing(buildStrategy(network, { method: 'bp' }), recompute),
        tinyNetwork(32),
      );
      const batches = noiseBatch(run.network, 128, 1);
      tf.tidy(() => void run.step(batches()));
      const before = engine.memory.current();
      engine.memory.reset();
      tf.tidy(() => void run.step(batches()));
      expect(engine.memory.current()).toBe(before);
      run.dispose();
      return engine.memory.peak() - before;
    };
    const [none, units, segments] = [peak('none'), peak('units'), peak('segments')];
    expect(units).toBeLessThan(0.55 * none);
    expect(segments).toBeLessThan(0.6 * none);
  });

  test('a plan that lacks an update is refused', () => {
    const run = tinyRun({ method: 'bp' });
    const chosen = { recompute: 'units', places: 1, kept: [] } as const;
    expect(() => recomputing(run.strategy, { tail: chosen })).toThrow(
      'what to recompute: the plan lacks the update "head"; it has tail',
    );
    const updates = run.strategy.updates.map((update) => ({ ...update, name: 'constructor' }));
    expect(() => recomputing({ ...run.strategy, updates }, {})).toThrow(
      'the plan lacks the update "constructor"; it has none',
    );
    run.dispose();
  });
});
