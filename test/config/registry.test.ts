import tf = require('@tensorflow/tfjs');
import { beforeAll, describe, expect, expectTypeOf, test } from 'vitest';
import { z } from 'zod';
import { UserError } from '../../src/core/errors.js';
import { defineAuxiliary } from '../../src/local/axes/auxiliary/auxiliary.js';
import { defineBridge } from '../../src/local/axes/bridge/bridge.js';
import { defineLoss } from '../../src/local/axes/loss/loss.js';
import { definePath } from '../../src/local/axes/path/path.js';
import { momentumBridge } from '../../src/local/axes/bridge/momentum.js';
import { classification } from '../../src/local/axes/loss/classification.js';
import { crossEntropy } from '../../src/local/axes/loss/cross-entropy.js';
import { defineMethod } from '../../src/local/method.js';
import { bp } from '../../src/local/methods/bp.js';
import type { OptionsOf, StrategyOptionsInput } from '../../src/local/options.js';
import { independentPath } from '../../src/local/axes/path/independent.js';
import { definePlugin, pluginSchema, type Plugin } from '../../src/config/plugin.js';
import { builtInRegistry, registryWith } from '../../src/config/registry.js';
import { buildStrategy } from '../../src/local/build.js';
import { disposeNetwork } from '../../src/networks/network.js';
import { datasetFromArrays } from '../../src/data/from-arrays.js';
import { defineDataset, type DatasetSource } from '../../src/data/kind.js';
import { dataSchema } from '../../src/data/options.js';
import { imageCounts, isPresent } from '../../src/data/presence.js';
import { describeDataset, loadDataset } from '../../src/data/registry.js';
import { sequential } from '../../src/nn/layer.js';
import { globalAveragePool, linear } from '../../src/nn/layers.js';
import { childScope } from '../../src/nn/parameters.js';
import { startEngine } from '../support/engine.js';
import { expectLearning } from '../support/learning.js';
import { tinyNetwork, tinyRun } from '../support/tiny.js';

beforeAll(async () => {
  await startEngine();
});

const none = z.strictObject({});

const hidden = defineAuxiliary({
  name: 'hidden',
  options: z.strictObject({ width: z.int().default(4) }),
  build:
    ({ width }) =>
    (scope, site, outputs) =>
      sequential([
        globalAveragePool,
        linear(childScope(scope, 0), { inputs: site.features.channels, outputs: width }),
        linear(childScope(scope, 1), { inputs: width, outputs }),
      ]),
});

const doubled = defineLoss({
  name: 'doubled',
  options: none,
  build: () => classification((outputs, labels) => tf.mul(crossEntropy(outputs, labels), 2)),
});

const slow = defineBridge({ name: 'slow', options: none, build: () => momentumBridge(0.5) });
const alone = definePath({ name: 'alone', options: none, build: () => independentPath });
const renamed = defineMethod({
  name: 'renamed',
  options: z.strictObject({ as: z.string() }),
  build: (network, { as }) => ({ ...bp.build(network, {}), name: as }),
});

const registry = registryWith([
  {
    file: 'mine.ts',
    plugin: definePlugin({
      auxiliaries: [hidden],
      losses: [doubled],
      bridges: [slow],
      paths: [alone],
      methods: [renamed],
    }),
  },
]);

test('choices of a plugin combine with one another and with the built-in ones', () => {
  for (const options of [
    { path: 'alone', bridge: 'slow', auxiliary: { name: 'hidden', width: 8 }, loss: 'doubled' },
    {
      path: { name: 'cascade', independentWeight: 0.2, independentLoss: 'doubled' },
      auxiliary: 'hidden',
      fusion: 'patch-average',
    },
    { loss: ['doubled', { name: 'reconstruction', weight: 0.5 }], auxiliary: 'sampled', bridge: 'momentum' },
  ]) {
    const run = tinyRun((network) =>
      buildStrategy(network, { method: 'custom', blocks: 3, ...options }, registry),
    );
    expectLearning(run, 12);
    run.dispose();
  }
});

test('a method of a plugin is built like the others, its options checked', () => {
  const network = tinyNetwork();
  const strategy = buildStrategy(network, { method: 'renamed', as: 'other' }, registry);
  expect(strategy).toMatchObject({ name: 'other', blocks: 1 });
  strategy.dispose();
  expect(() => buildStrategy(network, { method: 'renamed' }, registry)).toThrow(
    new UserError('buildStrategy: options.as: missing; must be text'),
  );
  expect(() => buildStrategy(network, { method: 'renamed', as: 'a', like: 'b' }, registry)).toThrow(/like/);
  expect(() => buildStrategy(network, { method: 'renamed', as: 'a' }, builtInRegistry)).toThrow(
    /^buildStrategy: options\.method: must be one of bp, .*, not "renamed"/,
  );
  disposeNetwork(network);
});

test('the built-in registry is not changed by others', () => {
  expect(builtInRegistry.methods.map(({ name }) => name)).not.toContain('renamed');
  expect(builtInRegistry.choices.auxiliaries.map(({ name }) => name)).not.toContain('hidden');
});

test('every method has a name of its own and options that are an object without "method"', () => {
  const names = builtInRegistry.methods.map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
  for (const { options } of builtInRegistry.methods) {
    expect(options).toBeInstanceOf(z.ZodObject);
    expect(options.shape).not.toHaveProperty('method');
  }
});

test('two of a kind with one name are refused, of different kinds are not', () => {
  const registryOf = (...plugins: readonly Plugin[]) =>
    registryWith(plugins.map((plugin, i) => ({ file: `${i}.ts`, plugin })));
  const refused: readonly (readonly [readonly Plugin[], string])[] = [
    [[{ losses: [doubled, doubled] }], '0.ts: loss "doubled" is defined here twice'],
    [[{ losses: [doubled] }, { losses: [doubled] }], '1.ts: loss "doubled" is defined here and in 0.ts too'],
    [
      [{ methods: [{ ...renamed, name: 'custom' }] }],
      '0.ts: method "custom" is defined here and in locallearn itself too',
    ],
    [[{ paths: [{ ...alone, name: 'cascade' }] }], 'path "cascade"'],
    [[{ bridges: [{ ...slow, name: 'none' }] }], 'bridge "none"'],
  ];
  for (const [plugins, message] of refused) {
    expect(() => registryOf(...plugins)).toThrow(UserError);
    expect(() => registryOf(...plugins)).toThrow(message);
  }
  const { choices } = registryOf({
    losses: [{ ...doubled, name: 'a' }],
    auxiliaries: [{ ...hidden, name: 'a' }],
  });
  expect([choices.losses.at(-1)?.name, choices.auxiliaries.at(-1)?.name]).toEqual(['a', 'a']);
});

describe('what a plugin builds is checked where it is built', () => {
  const wrong = (value: unknown): never => value as never;
  test.each<readonly [Plugin, object, RegExp]>([
    [
      { methods: [{ ...renamed, options: none, build: () => wrong({ name: 'x' }) }] },
      { method: 'renamed' },
      /^bad\.js: method "renamed": build must return a strategy \(network: .*\)$/,
    ],
    [
      { auxiliaries: [{ ...hidden, build: () => wrong({}) }] },
      { auxiliary: 'hidden' },
      /^bad\.js: auxiliary "hidden": build must return \(scope, site, outputs\) => layer \(must be a function\)$/,
    ],
    [
      { auxiliaries: [{ ...hidden, build: () => () => wrong({ parameters: [] }) }] },
      { auxiliary: 'hidden' },
      /^bad\.js: auxiliary "hidden": build must return a function that returns a layer \(buffers: /,
    ],
    [
      { losses: [{ ...doubled, build: () => wrong(() => 0) }] },
      { loss: 'doubled' },
      /^bad\.js: loss "doubled": build must return a loss \{ reconstructs, classifies, attach \} \(/,
    ],
    [
      { bridges: [{ ...slow, build: () => wrong(null) }] },
      { bridge: 'slow' },
      /^bad\.js: bridge "slow": build must return \(scope, next\) => bridge \(must be a function\)$/,
    ],
    [
      { paths: [{ ...alone, build: () => wrong([]) }] },
      { path: 'alone' },
      /^bad\.js: path "alone": build must return \(parts\) => path \(must be a function\)$/,
    ],
  ])('%#', (plugin, options, message) => {
    const network = tinyNetwork();
    const tensors = tf.memory().numTensors;
    const bad = registryWith([{ file: 'bad.js', plugin }]);
    const build = () =>
      buildStrategy(
        network,
        'method' in options ? wrong(options) : { method: 'custom', blocks: 3, ...options },
        bad,
      );
    expect(build).toThrow(UserError);
    expect(build).toThrow(message);
    expect(tf.memory().numTensors).toBe(tensors);
    disposeNetwork(network);
  });
});

describe('a data set of a plugin', () => {
  const kind = (read: DatasetSource['read'], source: Partial<DatasetSource> = {}): Plugin => ({
    datasets: [
      defineDataset({
        name: 'mine',
        options: z.strictObject({ bright: z.boolean().default(false) }),
        build: () => ({ read, ...source }),
      }),
    ],
  });
  const kindsOf = (plugin: Plugin) => registryWith([{ file: 'bad.js', plugin }]).datasets;
  const arrays = { images: new Uint8Array(24).fill(9), labels: [0, 1, 0, 1, 0, 1] };
  const dataset = datasetFromArrays({
    ...{ name: 'mine', classes: ['a', 'b'], imageShape: [2, 2, 1], mean: [0.5], std: [0.5] },
    ...{ train: arrays, test: arrays },
  });

  test('has the options of all, and is read to be described where it does not say', async () => {
    const kinds = kindsOf(kind(() => dataset));
    const options = { name: 'mine', validation: 0.4, trainImages: 2, augmentation: { flip: true } };
    const loaded = await loadDataset(options, 1, undefined, kinds);
    expect([loaded.train.size, loaded.test.size, loaded.evaluatedOn]).toEqual([2, 2, 'validation']);
    expect(loaded.augmentation.flip).toBe(true);
    expect(await describeDataset(options, kinds)).toEqual({ classes: 2, imageShape: [2, 2, 1] });
    expect(await isPresent(dataSchema(kinds).parse(options), kinds)).toBe(true);
    expect(imageCounts(dataSchema(kinds).parse(options), kinds)).toBeUndefined();
    const wrong = loadDataset({ name: 'mine', dark: true }, 1, undefined, kinds);
    await expect(wrong).rejects.toThrow(/^data options: dark: unknown key/);
  });

  test('is refused by the name of its file where what it gives is none', async () => {
    const rest = { ...dataset, test: undefined };
    for (const [plugin, message] of [
      [
        kind(() => ({}) as never),
        /^\/.*registry\.test\.ts:\d+: data set "mine": build must return a source whose read gives a data set \(name: /,
      ],
      [kind(() => rest as never), /\(test: must be a split of images\)$/],
      [kind('no' as never), /: data set "mine": build must return a source \{ read, … \} \(read: /],
    ] as const) {
      await expect(loadDataset({ name: 'mine' }, 1, undefined, kindsOf(plugin))).rejects.toThrow(message);
    }
    const twin = kind(() => dataset).datasets![0]!;
    expect(() => kindsOf({ datasets: [{ ...twin, name: 'csv' }] })).toThrow(
      'bad.js: data set "csv" is defined here and in locallearn itself too',
    );
    const clash = { ...twin, options: z.strictObject({ validation: z.boolean() }) };
    expect(pluginSchema.safeParse({ datasets: [clash] }).error?.issues[0]?.message).toContain('"validation"');
  });
});

test.each(['method', 'label', 'recompute', 'memory', 'accumulate'])(
  'a method of one\'s own with an option "%s", which the program takes for itself, is refused',
  (key) => {
    const options = z.strictObject({ [key]: z.int().default(7) });
    const found = pluginSchema.safeParse({ methods: [{ name: 'mine', options, build: () => ({}) }] });
    expect(found.error?.issues[0]?.message).toContain(`has an option "${key}", which means something else`);
  },
);

test('types guide: options of a method, of a choice, and of the public API', () => {
  expectTypeOf<OptionsOf<'auglocal'>['depth']>().toEqualTypeOf<number>();
  expectTypeOf<{ method: 'bp' }>().toExtend<StrategyOptionsInput>();
  expectTypeOf<{ method: 'man'; blocks: 3; reconstruction: 5 }>().toExtend<StrategyOptionsInput>();
  expectTypeOf<{ method: 'nonsense' }>().not.toExtend<StrategyOptionsInput>();
  expectTypeOf<Parameters<typeof hidden.build>[0]>().toEqualTypeOf<{ width: number }>();
  expectTypeOf<Parameters<typeof renamed.build>[1]>().toEqualTypeOf<{ as: string }>();
  expect(hidden.build({ width: 1 })).toBeTypeOf('function');
});
