import tf = require('@tensorflow/tfjs');
import { beforeAll, describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { UserError } from '../../src/core/errors.js';
import type { StrategyOptionsInput } from '../../src/local/options.js';
import { buildStrategy, builtInOptionsSchema } from '../../src/local/build.js';
import { disposeNetwork } from '../../src/networks/network.js';
import { startEngine } from '../support/engine.js';
import { sampleOf } from '../support/fuzz.js';
import { expectLearning } from '../support/learning.js';
import { tinyNetwork, tinyRun } from '../support/tiny.js';

beforeAll(async () => {
  await startEngine();
});

/** What a config's `method` section says. */
function customOptions(yaml: string): StrategyOptionsInput {
  return { method: 'custom', blocks: 3, ...(parse(yaml) as object) };
}

describe('combinations in YAML', () => {
  const combinations: readonly (readonly [string, string])[] = [
    ['HPFF’s path with AugLocal’s nets', '{ path: cascade, auxiliary: sampled }'],
    [
      'HPFF’s path with the momentum bridge, a reconstruction and PFF (MLAAN’s idea)',
      `
      path: { name: cascade, independentWeight: 0.1, cascadeWeight: 0.9 }
      bridge: { name: momentum, momentum: 0.9 }
      loss: [cross-entropy, { name: reconstruction, decoderWidth: 4, weight: 0.5 }]
      fusion: patches`,
    ],
    ['PFF with DGL', '{ auxiliary: dgl, fusion: patch-average }'],
    [
      'PFF with InfoPro',
      `
      auxiliary: 1c2f
      loss: [{ name: reconstruction, weight: [0.5, 0.2] }, { name: cross-entropy, weight: [0.5, 1] }]
      fusion: patches`,
    ],
    [
      'the momentum bridge with AugLocal’s nets',
      '{ bridge: momentum, auxiliary: { name: sampled, depth: 1, pyramid: 0 } }',
    ],
    ['MAN++’s bridge with DGL', '{ bridge: scaled-momentum, auxiliary: dgl-man-plus }'],
    [
      'MAN’s bridge that starts as a copy',
      '{ bridge: { name: momentum, momentumStart: copied }, auxiliary: 1c1f }',
    ],
    [
      'a contrast with a reconstruction that changes by stages',
      `
      auxiliary: { name: 0c2f, featureWidth: 32, widen: 0.5 }
      loss:
        - { name: contrast, featureWidth: 16 }
        - { name: reconstruction, weight: [0.5, 1] }
      ramp: stages`,
    ],
    [
      'PredSim’s net and loss behind the bridge',
      `
      bridge: momentum
      auxiliary: { name: pooled, poolWidth: 64 }
      loss: [{ name: similarity, weight: 0.9 }, { name: cross-entropy, weight: 0.1 }]`,
    ],
    [
      'HPFF’s path with contrast for the blocks on their own',
      `
      path: { name: cascade, independentWeight: 0.1, independentLoss: { name: contrast, featureWidth: 8 } }`,
    ],
    ['AugLocal’s nets with the image as context', '{ auxiliary: sampled, context: E }'],
    ['MAN’s bridge with contexts of earlier inputs', '{ bridge: momentum, context: R2 }'],
    ['reconstruction alone', '{ loss: reconstruction }'],
  ];
  test.each(sampleOf(combinations, 4))('%s: every update learns', (_, yaml) => {
    const before = tf.memory().numTensors;
    const run = tinyRun(customOptions(yaml));
    expect(run.strategy).toMatchObject({ name: 'custom', blocks: 3 });
    expectLearning(run, 12);
    run.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });

  test('cuts may be named', () => {
    const run = tinyRun({ method: 'custom', cuts: ['stem', 'layer2.0'] });
    expect(run.strategy.partition.map((units) => units.at(-1))).toEqual(['stem', 'layer2.0', 'layer3.1']);
    run.dispose();
  });
});

describe('options', () => {
  test('of a bare name and of a map are the same, with the defaults of the choice', () => {
    const [bare, map] = ['sampled', { name: 'sampled', depth: 2 }].map((auxiliary) =>
      builtInOptionsSchema.parse({ method: 'custom', blocks: 3, auxiliary }),
    );
    expect(bare).toEqual(map);
    expect(bare).toMatchObject({
      path: { name: 'independent' },
      bridge: { name: 'none' },
      auxiliary: { name: 'sampled', depth: 2, pyramid: 0.5 },
      loss: [{ name: 'cross-entropy', weight: [1, 1] }],
      fusion: { name: 'whole' },
    });
  });

  test('a context of earlier inputs is refused beside a cascade; older runs call E image', () => {
    const network = tinyNetwork();
    expect(() => buildStrategy(network, customOptions('{ path: cascade, context: R1 }'))).toThrow(
      /custom: a context of earlier blocks' inputs needs path 'independent'/,
    );
    disposeNetwork(network);
    expect(builtInOptionsSchema.parse(customOptions('{ context: image }'))).toMatchObject({ context: 'E' });
  });

  test('written out and read again stay the same', () => {
    const once = builtInOptionsSchema.parse(
      customOptions(
        '{ path: cascade, bridge: momentum, loss: { name: contrast, weight: 2 }, auxiliary: 2c1f }',
      ),
    );
    expect(builtInOptionsSchema.parse(once)).toEqual(once);
    expect(Object.keys(once)[0]).toBe('method');
  });

  test.each([
    ['{ auxiliary: { name: dgl, depth: 2 } }', ['auxiliary'], /"depth"/],
    ['{ auxiliary: { name: sampled, poolWidth: 2 } }', ['auxiliary'], /"poolWidth"/],
    ['{ momentum: 0.9 }', [], /"momentum"/],
    ['{ bridge: { momentum: 0.9 } }', ['bridge', 'name'], /Invalid/],
    ['{ path: { name: independent, cascadeWeight: 1 } }', ['path'], /"cascadeWeight"/],
    [
      '{ path: [cascade] }',
      ['path'],
      /must be a name, such as independent, or a map of a name and its options/,
    ],
    ['{ loss: [] }', ['loss'], /Too small/],
    [
      '{ loss: { name: contrast, weight: heavy } }',
      ['loss', 0, 'weight'],
      /a number from 0, or \[first, last\]/,
    ],
    ['{ loss: { name: contrast, weight: [1, 2, 3] } }', ['loss', 0, 'weight'], /or \[first, last\]/],
    ['{ fusion: patch }', ['fusion', 'name'], /Invalid/],
  ])('%s are none of that choice', (yaml, path, message) => {
    const { error } = builtInOptionsSchema.safeParse(customOptions(yaml));
    expect(error?.issues).toEqual([
      expect.objectContaining({ path, message: expect.stringMatching(message) as string }),
    ]);
  });
});

test.each([
  ['{ fusion: patches }', /fusion 'patches' sums the losses of rebuilt quadrants, but the loss has no/],
  [
    '{ loss: reconstruction, fusion: patch-average }',
    /fusion 'patch-average' averages what the auxiliary net makes .* no term of the loss reads/,
  ],
  [
    '{ loss: similarity, auxiliary: sampled }',
    /no term of the loss reads the auxiliary net sampled; leave it out, or add a term/,
  ],
  ['{ ramp: stages }', /ramp says how weights change .* but no weight changes/],
  [
    '{ loss: [cross-entropy, { name: similarity, weight: 0 }] }',
    /the loss similarity has weight 0 everywhere; leave the term out/,
  ],
  ['{ path: { name: cascade, cascadeWeight: 0 } }', /path 'cascade' trains cascades of blocks/],
  ['{ cuts: [stem] }', /custom: cuts already say how many blocks/],
])('%s contradicts itself', (yaml, message) => {
  const network = tinyNetwork();
  const tensors = tf.memory().numTensors;
  expect(() => buildStrategy(network, customOptions(yaml))).toThrow(UserError);
  expect(() => buildStrategy(network, customOptions(yaml))).toThrow(message);
  expect(tf.memory().numTensors).toBe(tensors);
  disposeNetwork(network);
});

test('without blocks and cuts nothing says where to cut', () => {
  const network = tinyNetwork();
  expect(() => buildStrategy(network, { method: 'custom' })).toThrow(
    /custom: say where to cut: blocks .*or cuts/,
  );
  disposeNetwork(network);
});
