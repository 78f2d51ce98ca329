import * as tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, test } from 'vitest';
import { UserError } from '../../src/errors.js';
import { convolutionalHead } from '../../src/local/auxiliary/convolutional.js';
import { dglNet } from '../../src/local/auxiliary/dgl.js';
import { pooledLinear } from '../../src/local/auxiliary/pooled.js';
import { sampledUnits } from '../../src/local/auxiliary/sampled.js';
import { momentumBridge } from '../../src/local/bridge.js';
import { composeStrategy, type StrategyParts } from '../../src/local/compose.js';
import { labels, reconstruction, similarity, weighted } from '../../src/local/local-loss.js';
import type { StrategyOptionsInput } from '../../src/local/options.js';
import { cutsAfter } from '../../src/local/partition.js';
import { cascadePath } from '../../src/local/paths/cascade.js';
import { independentPath } from '../../src/local/paths/independent.js';
import { buildStrategy } from '../../src/local/presets.js';
import { disposeNetwork } from '../../src/networks/network.js';
import { startEngine } from '../support/engine.js';
import { mean } from '../support/numeric.js';
import { tinyBatch, tinyMethods, tinyNetwork, tinyRun, titleOf, type TinyRun } from '../support/tiny.js';

beforeAll(async () => {
  await startEngine();
});

const cascade = cascadePath({ independentWeight: 0.1, cascadeWeight: 0.9, independentLoss: 'cross-entropy' });
const sampled = sampledUnits({ depth: 2, pyramid: 0.5 });
const infopro = weighted([
  { loss: reconstruction(), weight: () => 0.5 },
  { loss: labels('cross-entropy'), weight: () => 1 },
]);

/** Combinations that no paper has, or only in part. */
const combinations: readonly (readonly [string, Omit<StrategyParts, 'name' | 'cuts'>])[] = [
  [
    'the momentum bridge with AugLocal’s nets',
    {
      path: independentPath,
      bridge: momentumBridge(0.99),
      auxiliary: sampled,
      loss: labels('cross-entropy'),
    },
  ],
  ['HPFF’s path with AugLocal’s nets', { path: cascade, auxiliary: sampled, loss: labels('cross-entropy') }],
  [
    'HPFF’s path with the momentum bridge (MLAAN)',
    {
      path: cascade,
      bridge: momentumBridge(0.99),
      auxiliary: convolutionalHead('1c2f'),
      loss: infopro,
      fusion: 'patches',
    },
  ],
  [
    'DGL with averaged patches',
    { path: independentPath, auxiliary: dglNet, loss: labels('cross-entropy'), fusion: 'patch-average' },
  ],
  [
    'InfoPro with summed patches',
    { path: independentPath, auxiliary: convolutionalHead('1c2f'), loss: infopro, fusion: 'patches' },
  ],
  [
    'InfoPro with averaged patches',
    { path: independentPath, auxiliary: convolutionalHead('0c2f'), loss: infopro, fusion: 'patch-average' },
  ],
  [
    'PredSim behind the bridge, with contrast',
    {
      path: independentPath,
      bridge: momentumBridge(0.99),
      auxiliary: pooledLinear(64),
      loss: weighted([
        { loss: similarity, weight: () => 0.5 },
        { loss: labels('contrast'), weight: () => 0.5 },
      ]),
    },
  ],
];

/** Mean loss of each update over the first and the last steps of thirty on the same two batches. */
function learn(run: TinyRun): { first: number[]; last: number[] } {
  const traces: (readonly number[])[] = [];
  for (let step = 0; step < 30; step++) {
    tf.tidy(() => {
      traces.push(run.step(tinyBatch(8, `batch ${step % 2}`), 0.02).losses);
    });
  }
  const over = (steps: (readonly number[])[]): number[] =>
    steps[0]!.map((_, update) => mean(steps.map((losses) => losses[update]!)));
  return { first: over(traces.slice(0, 2)), last: over(traces.slice(-2)) };
}

function expectLearning(run: TinyRun): void {
  const { first, last } = learn(run);
  last.forEach((loss, update) => {
    expect(loss, run.strategy.updates[update]!.name).toBeLessThan(first[update]!);
  });
}

describe.each(combinations)('%s', (name, parts) => {
  const compose = () =>
    tinyRun((network) =>
      composeStrategy(network, { name, cuts: cutsAfter(network, ['layer1.1', 'layer2.1']), ...parts }),
    );

  test('learns in every update', () => {
    const before = tf.memory().numTensors;
    const run = compose();
    expect(run.strategy).toMatchObject({ name, blocks: 3 });
    expectLearning(run);
    run.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });

  test('keeps later parameters out of earlier updates', () => {
    const [run, other] = [compose(), compose()];
    const spoiled = other.strategy.updates.at(-1)!.variables.filter((variable) => {
      const earlier = other.strategy.updates.slice(0, 1).flatMap((update) => [...update.variables]);
      return !earlier.includes(variable);
    });
    for (const variable of spoiled) tf.tidy(() => variable.assign(tf.mul(variable, 1.5)));
    tf.tidy(() => {
      const [losses, expected] = [run, other].map((each) => each.step(tinyBatch()).losses);
      expect(losses![0]).toBe(expected![0]);
      expect(losses!.at(-1)).not.toBe(expected!.at(-1));
    });
    const stem = ({ network }: TinyRun): Float32Array =>
      network.units[0]!.layer.parameters[0]!.variable.dataSync<'float32'>();
    expect(stem(other)).toEqual(stem(run));
    [run, other].forEach((each) => each.dispose());
  });
});

describe('every method', () => {
  test.each(tinyMethods.map((options) => ({ title: titleOf(options), options })))(
    '$title learns in every update',
    ({ options }) => {
      // Ramps that end in zero leave the last auxiliary net without a loss, and HPFF's wx a block with hardly any.
      const fading = options.method === 'man' || options.method === 'hpff';
      const even = { reconstruction: [1, 1], classification: [1, 1] } as const;
      const heavier = options.method === 'hpff' ? { independentWeight: 0.1 } : {};
      const run = tinyRun(fading ? { ...options, ...even, ...heavier } : options);
      expectLearning(run);
      run.dispose();
    },
  );
});

describe('the method custom', () => {
  const base = { method: 'custom', blocks: 3 } as const;

  test.each<StrategyOptionsInput>([
    { ...base, bridge: 'momentum', auxiliary: 'sampled', depth: 1, pyramid: 0 },
    { ...base, path: 'cascade', auxiliary: 'sampled', independentWeight: 0.2, cascadeWeight: 0.8 },
    {
      ...base,
      path: 'cascade',
      bridge: 'momentum',
      momentum: 0.9,
      independentWeight: 0.1,
      reconstruction: [0.5, 0.5],
      decoderWidth: 4,
      fusion: 'patches',
    },
    { ...base, auxiliary: 'dgl', fusion: 'patch-average' },
    { ...base, loss: 'contrast', featureWidth: 16, widen: 0.5, reconstruction: [1, 0.5], ramp: 'blocks' },
    { ...base, auxiliary: 'pooled', poolWidth: 64, similarity: [0.9, 0.9], classification: [0.1, 0.1] },
    { method: 'custom', cuts: ['stem', 'layer2.0'] },
  ])('%j learns in every update', (options) => {
    const run = tinyRun(options);
    expectLearning(run);
    run.dispose();
  });

  test.each<readonly [StrategyOptionsInput, RegExp]>([
    [{ ...base, momentum: 0.9 }, /momentum belongs to bridge 'momentum', which is not chosen/],
    [{ ...base, depth: 2 }, /depth belongs to auxiliary 'sampled'/],
    [{ ...base, auxiliary: 'dgl', widen: 2 }, /widen belongs to a convolutional head/],
    [
      { ...base, auxiliary: 'dgl', featureWidth: 64 },
      /featureWidth belongs to a convolutional head, or loss/,
    ],
    [{ ...base, poolWidth: 64 }, /poolWidth belongs to auxiliary 'pooled'/],
    [{ ...base, decoderWidth: 4 }, /decoderWidth belongs to a reconstruction/],
    [{ ...base, cascadeWeight: 1 }, /cascadeWeight belongs to path 'cascade'/],
    [
      { ...base, fusion: 'patches' },
      /fusion 'patches' sums the losses of rebuilt quadrants, but the loss has no/,
    ],
    [{ method: 'custom' }, /say where to cut: blocks .*or cuts/],
    [{ ...base, cuts: ['stem'] }, /cuts already say how many blocks/],
    [{ method: 'greedy', cuts: ['layer9.0'] }, /has no unit 'layer9.0'/],
    [{ method: 'man' }, /man: say where to cut/],
    [
      { method: 'auglocal', depth: 6 },
      /auglocal: depth 6 leaves no local block of 7; ask for a depth below 6/,
    ],
    [{ method: 'infopro', blocks: 8 }, /8 is more than the 7 units of resnet-14/],
  ])('%j is refused', (options, message) => {
    const network = tinyNetwork();
    const tensors = tf.memory().numTensors;
    expect(() => buildStrategy(network, options)).toThrow(UserError);
    expect(() => buildStrategy(network, options)).toThrow(message);
    expect(tf.memory().numTensors).toBe(tensors);
    disposeNetwork(network);
  });
});

test('a single block is refused: that is backpropagation', () => {
  const network = tinyNetwork();
  const parts = {
    name: 'one',
    cuts: [],
    path: independentPath,
    auxiliary: dglNet,
    loss: labels('cross-entropy'),
  };
  expect(() => composeStrategy(network, parts)).toThrow(/at least 2 blocks; for one block use method bp/);
  disposeNetwork(network);
});

test('all of a network’s parameters are trained by some update, and no momentum net', () => {
  for (const options of tinyMethods) {
    const run = tinyRun(options);
    const listed = new Set(run.strategy.updates.flatMap((update) => [...update.variables]));
    const trained = run.network.units
      .flatMap((unit) => unit.layer.parameters)
      .concat(run.network.head.parameters);
    for (const { name, variable } of trained) expect(listed.has(variable), name).toBe(true);
    for (const { name, variable } of run.strategy.auxiliary) {
      expect(listed.has(variable), name).toBe(!/running_|momentum/.test(name));
    }
    run.dispose();
  }
});
