import tf = require('@tensorflow/tfjs');
import { beforeAll, expect, it } from 'vitest';
import { z } from 'zod';
import { definePlugin, type Plugin } from '../../src/config/plugin.js';
import { registryWith } from '../../src/config/registry.js';
import { UserError } from '../../src/core/errors.js';
import { scoped } from '../../src/engine/scoped.js';
import { defineAuxiliary } from '../../src/local/axes/auxiliary/auxiliary.js';
import { defineBridge } from '../../src/local/axes/bridge/bridge.js';
import { momentumBridge } from '../../src/local/axes/bridge/momentum.js';
import { classification } from '../../src/local/axes/loss/classification.js';
import { crossEntropy } from '../../src/local/axes/loss/cross-entropy.js';
import { defineLoss } from '../../src/local/axes/loss/loss.js';
import { definePath } from '../../src/local/axes/path/path.js';
import { independentPath } from '../../src/local/axes/path/independent.js';
import { buildStrategy } from '../../src/local/build.js';
import { pureLayer, sequential } from '../../src/nn/layer.js';
import { globalAveragePool, linear } from '../../src/nn/layers.js';
import { startEngine } from '../support/engine.js';
import { tinyBatch, tinyRun } from '../support/tiny.js';

beforeAll(() => startEngine());

const options = z.strictObject({});

/** Steps a network with what a plugin calls `mine`. */
function stepWith(plugin: Plugin, choice: Readonly<Record<string, unknown>>): void {
  const registry = registryWith([{ file: 'mine.ts', plugin: definePlugin(plugin) }]);
  const run = tinyRun((network) =>
    buildStrategy(network, { method: 'custom', blocks: 2, ...choice }, registry),
  );
  try {
    scoped(() => run.step(tinyBatch()));
  } finally {
    run.dispose();
  }
}

const wide = defineAuxiliary({
  name: 'mine',
  options,
  build: () => (scope, site, outputs) =>
    sequential([globalAveragePool, linear(scope, { inputs: site.features.channels, outputs: outputs + 1 })]),
});
const perImage = defineLoss({
  name: 'mine',
  options,
  build: () =>
    classification((outputs, labels) => tf.sum(tf.mul(tf.softmax(outputs), labels), 1).neg() as tf.Scalar),
});
const flat = defineBridge({
  name: 'mine',
  options,
  build: () => (scope, next) => {
    const bridge = momentumBridge(0.5)(scope, next);
    const flatten = pureLayer((x) => tf.reshape(x, [x.shape[0]!, -1]));
    return {
      ...bridge,
      forward: (x) => flatten.forward(bridge.forward(x), { training: true } as never) as tf.Tensor4D,
    };
  },
});
const doubled = definePath({
  name: 'mine',
  options,
  build: () => (parts) => {
    const path = independentPath(parts);
    return { ...path, updates: path.updates.map((update) => ({ ...update, name: 'same' })) };
  },
});

it.each([
  [
    'auxiliary',
    { auxiliaries: [wide] },
    { auxiliary: 'mine' },
    'auxiliary "mine" made [8, 5], where [8, 4] is expected',
  ],
  [
    'loss',
    { losses: [perImage] },
    { loss: 'mine' },
    'loss "mine" made [8], where one number (take its mean, tf.mean) is expected',
  ],
  [
    'bridge',
    { bridges: [flat] },
    { bridge: 'mine' },
    'bridge "mine" made [8, 512], where [8, 4, 4, 32] is expected',
  ],
  ['path', { paths: [doubled] }, { path: 'mine' }, 'path "mine": two updates are called \'same\''],
] as const)(
  'the %s of a plugin is told by its file and name where it is wrong',
  (_, plugin, choice, message) => {
    expect(() => stepWith(plugin, choice)).toThrow(UserError);
    expect(() => stepWith(plugin, choice)).toThrow(new RegExp(`^/.*/plugin-tensors\\.test\\.ts:\\d+: `));
    expect(() => stepWith(plugin, choice)).toThrow(message);
  },
);

it('what is right passes', () => {
  const right = defineLoss({ name: 'mine', options, build: () => classification(crossEntropy) });
  stepWith({ losses: [right] }, { loss: 'mine' });
});
