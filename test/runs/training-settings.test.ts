import { expect, it } from 'vitest';
import { parseConfig } from '../../src/config/config.js';
import { builtInRegistry, registryWith, type Registry } from '../../src/config/registry.js';
import type { Plugin } from '../../src/config/plugin.js';
import type { Engine } from '../../src/engine/engine.js';
import { builtInChoices } from '../../src/local/axes/axes.js';
import { builtInMethods } from '../../src/local/methods/built-in.js';
import { trainingSettings } from '../../src/runs/training-settings.js';
import { methodOf } from '../support/method.js';

const engine = { name: 'torch' } as Engine;
const method = methodOf({ method: 'dgl' });

function settings(registry: Registry, train = ''): ReturnType<typeof trainingSettings> {
  const config = parseConfig(
    `name: a\ndata: { name: fashion-mnist }\nnetwork: { name: resnet, layers: 8 }\nmethod: { method: dgl }\n` +
      `train: { epochs: 1, batchSize: 4, learningRate: 0.1${train} }\n`,
    'a.yaml',
  );
  return trainingSettings({ config, engine, registry }, method);
}
const withPlugin = (plugin: Plugin): Registry => registryWith([{ file: 'plugin.ts', plugin }]);

it('captures steps of what is built in', () => {
  expect(settings(builtInRegistry).captureSteps).toBe(true);
  const metrics = [{ name: 'share', start: () => ({ add: () => {}, total: () => 0 }) }];
  expect(settings(withPlugin({ metrics } as unknown as Plugin)).captureSteps).toBe(true);
});

it('does not where a plugin adds to what steps are made of, but for where the config says so', () => {
  const [loss] = builtInChoices.losses;
  const losses = [{ ...loss!, name: 'own' }];
  const methods = [{ ...builtInMethods[0]!, name: 'own' }];
  for (const plugin of [{ losses }, { methods }] as unknown as Plugin[]) {
    expect(settings(withPlugin(plugin)).captureSteps).toBe(false);
    expect(settings(withPlugin(plugin), ', captureSteps: true').captureSteps).toBe(true);
  }
  expect(settings(builtInRegistry, ', captureSteps: false').captureSteps).toBe(false);
});
