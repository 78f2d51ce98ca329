import tf = require('@tensorflow/tfjs');
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it, vi } from 'vitest';
import { comparedMethods, loadConfig, parseConfig } from '../../src/config/config.js';
import { labelOf, namedOptions, type MethodConfig } from '../../src/config/method-config.js';
import { buildMethod } from '../../src/local/build.js';
import { noiseBatch } from '../../src/local/noise-batch.js';
import { buildNetwork } from '../../src/networks/build.js';
import { disposeNetwork } from '../../src/networks/network.js';
import { papersSgd } from '../../src/train/recipe.js';
import { sgd } from '../../src/train/sgd.js';
import { planSteps, trainStep } from '../../src/train/step.js';
import { startEngine } from '../support/engine.js';

// Dozens of networks, some of 55 blocks.
vi.setConfig({ testTimeout: 240_000 });

const folder = join(import.meta.dirname, '../../configs');
const datasets = ['cifar10', 'svhn', 'stl10'];
const networks = ['resnet32', 'resnet110'];
const bases = ['dgl', 'infopro', 'predsim'];
const single = ['man', 'hpff'].flatMap((plug) => bases.map((base) => `${base}-${plug}`));
const ablations = ['man-ablation', 'hpff-ablation', 'infopro-hpff-ablation', 'predsim-hpff-ablation'];

const load = async (file: string) => (await loadConfig(join(folder, file))).config;

beforeAll(async () => {
  await startEngine();
});

/** The losses of a step on small images. */
function stepWith(network: { name: string; depth?: number }, method: MethodConfig): readonly number[] {
  const built = buildNetwork(network, { classes: 10, imageShape: [8, 8, 3], seed: 1 });
  const strategy = buildMethod(built, method);
  const optimizer = sgd(papersSgd);
  try {
    let losses: readonly number[] = [];
    tf.tidy(() => {
      const batch = noiseBatch(built, 4, 1)();
      losses = trainStep(strategy, planSteps(strategy.updates), optimizer, 0.01, batch).losses;
    });
    return losses;
  } finally {
    optimizer.dispose();
    strategy.dispose();
    disposeNetwork(built);
  }
}

it.each(datasets.flatMap((data) => networks.map((network) => join(data, network))))(
  '%s has each of them',
  (path) => {
    const there = readdirSync(join(folder, path));
    expect([...single, ...ablations].filter((name) => !there.includes(`${name}.yaml`))).toEqual([]);
  },
);

describe.each(networks)('on %s', (network) => {
  /** What several lists have is stepped once. */
  const stepped = new Set<string>();

  it.each([...single, ...ablations])('every method of %s makes a step', async (name) => {
    const config = await load(`cifar10/${network}/${name}.yaml`);
    const methods = comparedMethods(config).filter(({ method }) => method.name !== 'bp');
    for (const method of methods) {
      const key = JSON.stringify(namedOptions(method));
      if (stepped.has(key)) continue;
      stepped.add(key);
      const losses = stepWith(config.network as { name: string }, method);
      expect(losses.length, labelOf(method)).toBeGreaterThanOrEqual(network === 'resnet32' ? 14 : 53);
      expect(losses.every(Number.isFinite), labelOf(method)).toBe(true);
    }
  });

  it.each([...single, ...ablations])('%s has the same methods for every data set', async (name) => {
    const [first, ...others] = await Promise.all(
      datasets.map(async (data) => comparedMethods(await load(join(data, network, `${name}.yaml`)))),
    );
    const labelled = (methods: readonly MethodConfig[]) =>
      methods.map((method) => [labelOf(method), namedOptions(method)]);
    for (const other of others) expect(labelled(other)).toEqual(labelled(first!));
  });

  it.each([
    ['hpff-ablation', 'HiLo + PFF', 'dgl-hpff'],
    ['infopro-hpff-ablation', 'HiLo + PFF', 'infopro-hpff'],
    ['predsim-hpff-ablation', 'HiLo + PFF', 'predsim-hpff'],
    ['man-ablation', 'EMA + bias', 'infopro-man'],
  ])('the whole of %s, %s, is %s', async (ablation, label, name) => {
    const whole = comparedMethods(await load(`cifar10/${network}/${ablation}.yaml`)).find(
      (method) => labelOf(method) === label,
    );
    const { method } = await load(`cifar10/${network}/${name}.yaml`);
    expect(namedOptions(whole!)).toEqual(namedOptions(method!));
  });
});

/** A method in a few words of YAML. */
function methodOf(yaml: string): MethodConfig {
  const text = `{ name: a, data: { name: cifar10 }, network: { name: resnet, depth: 32 },
    train: { epochs: 1, batchSize: 2, learningRate: 1 }, method: ${yaml} }`;
  return parseConfig(text, 'a.yaml').method!;
}

it('custom with MAN’s choices is MAN: the rows of its ablation differ from it in their bridge alone', () => {
  const weights = `loss: [{ name: reconstruction, weight: [5, 0] }, { name: cross-entropy, weight: [0.5, 0] }]`;
  const network = { name: 'resnet', depth: 32 };
  expect(
    stepWith(
      network,
      methodOf(
        `{ method: custom, blocks: 16, auxiliary: 2c2f, ${weights}, ramp: stages, bridge: { name: momentum, momentum: 0.995 } }`,
      ),
    ),
  ).toEqual(
    stepWith(network, methodOf('{ method: man, blocks: 16, head: 2c2f, ramp: stages, momentum: 0.995 }')),
  );
});
