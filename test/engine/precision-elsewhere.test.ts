import { beforeAll, expect, it } from 'vitest';
import { parseConfig } from '../../src/config/config.js';
import { builtInRegistry } from '../../src/config/registry.js';
import { UserError } from '../../src/core/errors.js';
import { buildStrategy } from '../../src/local/build.js';
import { prepareMethod } from '../../src/runs/prepare-method.js';
import { train } from '../../src/train/trainer.js';
import type { Engine } from '../../src/engine/engine.js';
import { startEngine } from '../support/engine.js';
import { noiseDataset } from '../support/noise.js';
import { tinyNetwork } from '../support/tiny.js';

let engine: Engine;
beforeAll(async () => {
  engine = await startEngine('cpu');
});

it('bf16 is refused by engines that have no such numbers', async () => {
  const strategy = buildStrategy(tinyNetwork(), { method: 'bp' });
  const trained = train(strategy, noiseDataset, {
    ...{ epochs: 1, batchSize: 4, learningRate: 0.1, schedule: 'constant', seed: 1, engine },
    precision: 'bf16',
  });
  await expect(trained).rejects.toThrow(UserError);
  await expect(trained).rejects.toThrow(
    /^precision: bf16 is there on the engines torch and torch-cuda alone, and this is cpu: leave it out/,
  );
});

it.each([
  ['precision', /^precision: bf16 is there on the engines torch and torch-cuda alone/],
  ['optimizerState', /bf16.* torch/],
])('so it is before there is a run: train.%s', async (key, message) => {
  const config = parseConfig(
    `
name: short
data: { name: fashion-mnist }
network: { name: resnet, layers: 8 }
train: { epochs: 1, batchSize: 4, learningRate: 0.1, schedule: constant, ${key}: bf16 }
method: { method: bp }
`,
    'short.yaml',
  );
  const experiment = { config, registry: builtInRegistry, engine, dataset: noiseDataset };
  await expect(prepareMethod(experiment, config.method!, {})).rejects.toThrow(message);
});
