import tf = require('@tensorflow/tfjs');
import { beforeAll, describe, expect, test } from 'vitest';
import { UserError } from '../../src/core/errors.js';
import { convolutionalNet } from '../../src/local/axes/auxiliary/convolutional.js';
import { dglNet } from '../../src/local/axes/auxiliary/dgl.js';
import { pooledLinear } from '../../src/local/axes/auxiliary/pooled.js';
import { sampledUnits } from '../../src/local/axes/auxiliary/sampled.js';
import { momentumBridge } from '../../src/local/axes/bridge/momentum.js';
import { scaledMomentumBridge } from '../../src/local/axes/bridge/scaled-momentum.js';
import { composeStrategy, type StrategyParts } from '../../src/local/compose.js';
import { contextModes } from '../../src/local/axes/context/context.js';
import { labels } from '../../src/local/axes/loss/classification.js';
import { reconstruction } from '../../src/local/axes/loss/reconstruction.js';
import { similarity } from '../../src/local/axes/loss/similarity.js';
import { weighted } from '../../src/local/axes/loss/weighted.js';
import type { StrategyOptionsInput } from '../../src/local/options.js';
import { cutsAfter } from '../../src/local/partition/partition.js';
import { cascadePath } from '../../src/local/axes/path/cascade.js';
import { independentPath } from '../../src/local/axes/path/independent.js';
import { buildStrategy } from '../../src/local/build.js';
import { disposeNetwork } from '../../src/networks/network.js';
import { rootScope } from '../../src/nn/parameters.js';
import { startEngine } from '../support/engine.js';
import { sampleOf } from '../support/fuzz.js';
import { expectLearning } from '../support/learning.js';
import {
  reachedBy,
  tinyBatch,
  tinyMethods,
  tinyNetwork,
  tinyRun,
  titleOf,
  type TinyRun,
} from '../support/tiny.js';

beforeAll(async () => {
  await startEngine();
});

const cascade = cascadePath({
  independentWeight: 0.1,
  cascadeWeight: 0.9,
  independentLoss: labels('cross-entropy'),
});
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
    'HPFF’s path with the momentum bridge',
    {
      path: cascade,
      bridge: momentumBridge(0.99),
      auxiliary: convolutionalNet('1c2f'),
      loss: infopro,
      fusion: 'patches',
    },
  ],
  [
    'the scaled momentum bridge (MAN++) behind HPFF’s pairs alone, summed quadrants',
    {
      path: cascadePath({
        independentWeight: 0,
        cascadeWeight: 1,
        independentLoss: labels('cross-entropy'),
      }),
      bridge: scaledMomentumBridge(0.99),
      auxiliary: convolutionalNet('1c1f'),
      loss: infopro,
      fusion: 'patch-sum',
    },
  ],
  [
    'context (ContSup) with the momentum bridge and HPFF’s path',
    {
      path: cascade,
      bridge: momentumBridge(0.99),
      auxiliary: dglNet,
      loss: labels('cross-entropy'),
      context: contextModes.E,
    },
  ],
  [
    'DGL with averaged patches',
    { path: independentPath, auxiliary: dglNet, loss: labels('cross-entropy'), fusion: 'patch-average' },
  ],
  [
    'InfoPro with summed patches',
    { path: independentPath, auxiliary: convolutionalNet('1c2f'), loss: infopro, fusion: 'patches' },
  ],
  [
    'InfoPro with averaged patches',
    { path: independentPath, auxiliary: convolutionalNet('0c2f'), loss: infopro, fusion: 'patch-average' },
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

describe.each(sampleOf(combinations, 6))('%s', (name, parts) => {
  const compose = () =>
    tinyRun((network) =>
      composeStrategy(network, { name, cuts: cutsAfter(network, ['layer1.1', 'layer2.1']), ...parts }),
    );

  test('learns in every update', () => {
    const before = tf.memory().numTensors;
    const run = compose();
    expect(run.strategy).toMatchObject({ name, blocks: 3 });
    expectLearning(run, 12);
    run.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });

  test('keeps later parameters out of earlier updates', () => {
    const [run, other] = [compose(), compose()];
    const spoiled = other.strategy.updates.at(-1)!.variables.filter((variable) => {
      const earlier = other.strategy.updates.slice(0, 1).flatMap(reachedBy);
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
  test.each(sampleOf(tinyMethods, 7).map((options) => ({ title: titleOf(options), options })))(
    '$title learns in every update',
    ({ options }) => {
      // Ramps that end in zero leave the last auxiliary net without a loss, and cascades' wx a block with hardly any.
      const fading = ['man', 'man-plus', 'hpff'].includes(options.method);
      const even = fading ? { reconstruction: [1, 1], classification: [1, 1] } : {};
      const heavier = ['hpff', 'mlaan'].includes(options.method) ? { independentWeight: 0.1 } : {};
      const run = tinyRun({ ...heavier, ...options, ...even } as StrategyOptionsInput);
      expectLearning(run);
      run.dispose();
    },
  );
});

describe('a method', () => {
  test.each<readonly [StrategyOptionsInput, RegExp]>([
    [{ method: 'greedy', cuts: ['layer9.0'] }, /has no unit 'layer9.0'/],
    [{ method: 'man' }, /man: say where to cut/],
    [
      { method: 'auglocal', depth: 6 },
      /auglocal: depth 6 joins the last 7 of 7 blocks, which leaves no local one; ask for a depth of at most 5$/,
    ],
    [{ method: 'auglocal', depth: 99 }, /the last 100 of 7 blocks, .*; ask for a depth of at most 5$/],
    [
      { method: 'auglocal', blocks: 4, depth: 3 },
      /the last 4 of 4 blocks, .*; ask for a depth of at most 2, or at least 5 of the 7 blocks that resnet-14 has$/,
    ],
    [
      { method: 'auglocal', blocks: 2, depth: 2 },
      /the last 3 of 2 blocks, .*; ask for at least 4 of the 7 blocks that resnet-14 has$/,
    ],
    [
      { method: 'auglocal', blocks: 2, depth: 6 },
      /the last 7 of 2 blocks, .*; ask for 7 blocks, as many as resnet-14 has, and a depth of at most 5$/,
    ],
    [
      { method: 'man', blocks: 3, auxiliary: 'imagenet', widen: 2 },
      /auxiliary: imagenet has the published widths: leave out widen/,
    ],
    [
      { method: 'hpff', blocks: 3, decoder: 'hpff-imagenet', decoderWidth: 4 },
      /decoder hpff-imagenet has the published widths: leave out decoderWidth/,
    ],
    // After other nets were built.
    [{ method: 'man', blocks: 3, decoder: 'man-imagenet' }, /at most a quarter of the image's size/],
    [{ method: 'infopro', blocks: 8 }, /8 is more than the 7 units of resnet-14/],
  ])('is refused with %j', (options, message) => {
    const network = tinyNetwork();
    const tensors = tf.memory().numTensors;
    expect(() => buildStrategy(network, options)).toThrow(UserError);
    expect(() => buildStrategy(network, options)).toThrow(message);
    expect(tf.memory().numTensors).toBe(tensors);
    disposeNetwork(network);
  });
});

test('similarity of features of a single pixel is refused', () => {
  const network = tinyNetwork();
  const unit = network.units.at(-1)!;
  const features = { height: 1, width: 1, channels: 64 };
  const site = { network, unit, features, position: 0, blocks: 2 };
  const parts = { auxiliary: dglNet, fusion: 'whole' } as const;
  expect(() => similarity.attach(rootScope(1), site, parts)).toThrow(
    /those after layer3.1 are one pixel; cut before it, or leave the similarity out/,
  );
  disposeNetwork(network);
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
