import tf = require('@tensorflow/tfjs');
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { definePlugin, type Plugin } from '../../src/config/plugin.js';
import { registryWith, type Registry } from '../../src/config/registry.js';
import { UserError } from '../../src/core/errors.js';
import { scoped } from '../../src/engine/scoped.js';
import { trainingMode } from '../../src/engine/fused/ops.js';
import { datasetFromArrays } from '../../src/data/from-arrays.js';
import { defineDataset, type SourceData } from '../../src/data/kind.js';
import { bp } from '../../src/local/methods/bp.js';
import { defineMethod } from '../../src/local/method.js';
import { defineNetwork, disposeNetwork, networkForward, type Network } from '../../src/networks/network.js';
import { resnetCifar } from '../../src/networks/resnet-cifar.js';
import { defineOptimizer } from '../../src/train/optimizer.js';
import { defineSchedule } from '../../src/train/schedules.js';
import { startEngine } from '../support/engine.js';

const inputs = { classes: 2, imageShape: [8, 8, 3], seed: 1 } as const;
let network: Network;
beforeAll(async () => {
  await startEngine();
  network = resnetCifar({ layers: 8, ...inputs });
});
afterAll(() => disposeNetwork(network));

const options = z.strictObject({});
const nameless = Object.create(null) as object;
/** As a plugin may. */
function fail(): never {
  // eslint-disable-next-line @typescript-eslint/only-throw-error -- what this is about
  throw nameless;
}

const images = { images: new Uint8Array(2 * 192), labels: [0, 1] };
const statistics = { mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25] };
const right = datasetFromArrays({
  ...{ name: 'mine', classes: ['a', 'b'], imageShape: inputs.imageShape, ...statistics },
  ...{ train: images, test: images },
});
const dataset = (data: unknown) =>
  defineDataset({ name: 'mine', options, build: () => ({ read: () => data as SourceData }) });
const readOf = ({ datasets }: Registry): unknown =>
  datasets
    .find(({ name }) => name === 'mine')!
    .build({})
    .read({ withTest: true });

const optimizer = (state: () => never) =>
  defineOptimizer({
    ...{ name: 'mine', options },
    build: () => ({ step: fail, state, restore: fail, dispose: fail }),
  });
const built = ({ optimizers }: Registry) => optimizers.find(({ name }) => name === 'mine')!.build({});

/** Everything of plugins that the program calls, each with a mistake; what is expected of the message's end. */
const mistakes: readonly (readonly [string, Plugin, (registry: Registry) => unknown, string])[] = [
  [
    'a data set without statistics of each channel',
    { datasets: [dataset({ ...right, mean: [0.5] })] },
    readOf,
    'data set "mine": build must return a source whose read gives a data set (mean: must be 3 numbers, one for each channel, not 1)',
  ],
  [
    'a data set with a label too many',
    { datasets: [dataset({ ...right, test: { ...right.test, labels: Uint16Array.of(0, 2) } })] },
    readOf,
    '(test.labels.1: must be below 2, the number of classes, not 2)',
  ],
  [
    'a data set that cannot be read',
    { datasets: [dataset(undefined)] },
    readOf,
    'a data set (missing; must be a map)',
  ],
  [
    'a method that builds no strategy',
    { methods: [defineMethod({ name: 'mine', options, build: () => 1 as never })] },
    ({ methods }) => methods.at(-1)!.build(network, {}),
    'method "mine": build must return a strategy (must be a map, not 1)',
  ],
  [
    'a method whose update throws what is no error',
    {
      methods: [
        defineMethod({
          ...{ name: 'mine', options },
          build(given) {
            const strategy = bp.build(given, {});
            return { ...strategy, updates: strategy.updates.map((each) => ({ ...each, forward: fail })) };
          },
        }),
      ],
    },
    ({ methods }) =>
      methods
        .at(-1)!
        .build(network, {})
        .updates[0]!.forward({}, {} as never),
    'method "mine": update \'head\' threw [Object: null prototype] {}, which is no Error and knows no place',
  ],
  [
    'an optimiser that keeps no tensors',
    { optimizers: [optimizer(() => ({}) as never)] },
    (registry) => built(registry).state(),
    'optimizer "mine": state must return a Map with tensors { shape, values } by name of each variable (must be a map, not a map)',
  ],
  [
    'an optimiser that throws',
    { optimizers: [optimizer(fail)] },
    (registry) => built(registry).step([], [], 1),
    'optimizer "mine" threw [Object: null prototype] {}',
  ],
  [
    'a schedule without a share',
    { schedules: [defineSchedule({ name: 'mine', options, build: () => () => NaN })] },
    ({ schedules }) => schedules.at(-1)!.build({})({ epoch: 1, step: 0, steps: 1 }, 1),
    'schedule "mine": build must return a function that gives a share of the learning rate',
  ],
  [
    'a metric without a total',
    { metrics: [{ name: 'mine', start: () => ({ add: () => {}, total: () => nameless as never }) }] },
    ({ metrics }) => metrics[0]!.start(2).total(),
    'metric "mine": total must return a finite number (must be a number, not a map)',
  ],
  [
    'a logger that starts nothing',
    { loggers: [{ name: 'mine', start: () => undefined as never }] },
    ({ loggers }) => loggers[0]!.start({} as never),
    'logger "mine": start must return a logger { epoch, end }',
  ],
];

it.each(mistakes)('%s is told by its file and line', async (_, plugin, call, message) => {
  const registry = registryWith([{ file: 'elsewhere.ts', plugin: definePlugin(plugin) }]);
  const outcome = Promise.resolve().then(() => call(registry));
  await expect(outcome).rejects.toThrow(UserError);
  await expect(outcome).rejects.toThrow(/^\/.*plugin-results\.test\.ts:\d+: /);
  await expect(outcome).rejects.toThrow(message);
});

it('what was defined by no function of ours is told by the plugin’s file', () => {
  const plain = { name: 'mine', options, build: () => 1 as never };
  const { methods } = registryWith([{ file: 'own.mjs', plugin: { methods: [plain] } }]);
  expect(() => methods.at(-1)!.build(network, {})).toThrow('own.mjs: method "mine": build must');
});

describe('a network of a plugin', () => {
  const kindOf = (change: (given: Network) => Network) =>
    defineNetwork({
      name: 'mine',
      options,
      build: () => (given) => change(resnetCifar({ layers: 8, ...given })),
    });

  function run(change: (given: Network) => Network): void {
    const plugin = definePlugin({ networks: [kindOf(change)] });
    const { networks } = registryWith([{ file: 'elsewhere.ts', plugin }]);
    const own = networks.at(-1)!.build({})(inputs);
    try {
      scoped(() => networkForward(own, tf.zeros([2, 8, 8, 3]), trainingMode));
    } finally {
      disposeNetwork(own);
    }
  }

  it('is run as it is where it is right', () => run((given) => given));

  it.each<[string, string, (given: Network) => Network]>([
    [
      'whose unit makes another map than it says',
      "unit 'layer1.0' made [2, 8, 8, 16], where [2, 8, 8, 17] is expected",
      (given) => ({
        ...given,
        units: given.units.map((unit, i) =>
          i === 1 ? { ...unit, output: { ...unit.output, channels: 17 } } : unit,
        ),
      }),
    ],
    [
      'whose head knows other classes',
      'the head made [2, 2], where [2, 3] is expected',
      (given) => ({ ...given, classes: 3 }),
    ],
    [
      'whose layers do not fit each other',
      "unit 'layer2.0', given [2, 8, 8, 16]: ",
      (given) => ({
        ...given,
        units: given.units.map((unit, i) => (i === 2 ? { ...unit, layer: given.units[0]!.layer } : unit)),
      }),
    ],
    [
      'that throws what is no error',
      'the head threw [Object: null prototype] {}, which is no Error',
      (given) => ({ ...given, head: { ...given.head, forward: fail } }),
    ],
  ])('%s is told by file and line', (_, message, change) => {
    expect(() => run(change)).toThrow(UserError);
    expect(() => run(change)).toThrow(/plugin-results\.test\.ts:\d+: network "mine": /);
    expect(() => run(change)).toThrow(message);
  });
});
