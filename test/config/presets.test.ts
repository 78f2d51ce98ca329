import tf = require('@tensorflow/tfjs');
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { comparedMethods, loadConfig, parseConfig } from '../../src/config/config.js';
import { labelOf, namedOptions, type MethodConfig } from '../../src/config/method-config.js';
import { buildMethod } from '../../src/local/build.js';
import { noiseBatch } from '../../src/local/noise-batch.js';
import { buildNetwork } from '../../src/networks/build.js';
import { disposeNetwork, type Network } from '../../src/networks/network.js';
import { papersSgd, sgd } from '../../src/train/sgd.js';
import { planSteps, trainStep } from '../../src/train/step.js';
import { startEngine } from '../support/engine.js';
import { sampleOf } from '../support/fuzz.js';

// Dozens of networks, some of 55 blocks.
vi.setConfig({ testTimeout: 240_000 });

const folder = join(import.meta.dirname, '../../configs');
const datasets = ['cifar10', 'svhn', 'stl10'];
const networks = ['resnet32', 'resnet110'];
const bases = ['dgl', 'infopro', 'predsim'];
const single = ['man', 'hpff'].flatMap((plug) => bases.map((base) => `${base}-${plug}`));
const ablations = ['man-ablation', 'hpff-ablation', 'infopro-hpff-ablation', 'predsim-hpff-ablation'];

const loaded = new Map<string, ReturnType<typeof loadConfig>>();
/** Each is read once. */
async function load(file: string) {
  if (!loaded.has(file)) loaded.set(file, loadConfig(join(folder, file)));
  return (await loaded.get(file)!).config;
}

beforeAll(async () => {
  await startEngine();
});

/** For small images. */
const networkOf = (layers: number): Network =>
  buildNetwork({ name: 'resnet', layers }, { classes: 10, imageShape: [8, 8, 3], seed: 1 });

/** The losses of a step. */
function stepWith(network: Network, method: MethodConfig): readonly number[] {
  const strategy = buildMethod(network, method);
  const optimizer = sgd(papersSgd);
  try {
    let losses: readonly number[] = [];
    tf.tidy(() => {
      const batch = noiseBatch(network, 4, 1)();
      losses = trainStep(strategy, planSteps(strategy.updates), optimizer, 0.01, batch).losses;
    });
    return losses;
  } finally {
    optimizer.dispose();
    strategy.dispose();
  }
}

it.each(datasets.flatMap((data) => networks.map((network) => join(data, network))))(
  '%s has each of them',
  (path) => {
    const there = readdirSync(join(folder, path));
    expect([...single, ...ablations].filter((name) => !there.includes(`${name}.yaml`))).toEqual([]);
  },
);

describe.each(networks.map((network, i) => [network, i] as const))('on %s', (network, shift) => {
  /** What several lists have is stepped once. */
  const stepped = new Set<string>();
  // One for all methods, which go on with it: much of the time would be its initial values.
  let built: Network;
  beforeAll(() => {
    built = networkOf(Number(network.slice('resnet'.length)));
  });
  afterAll(() => disposeNetwork(built));

  it.each(sampleOf([...single, ...ablations], 10, 3 * shift))(
    'every method of %s makes a step',
    async (name) => {
      const config = await load(`cifar10/${network}/${name}.yaml`);
      expect(config.network).toMatchObject({
        name: 'resnet',
        layers: Number(network.slice('resnet'.length)),
      });
      const methods = comparedMethods(config).filter(({ method }) => method.name !== 'bp');
      for (const method of methods) {
        const key = JSON.stringify(namedOptions(method));
        if (stepped.has(key)) continue;
        stepped.add(key);
        const losses = stepWith(built, method);
        expect(losses.length, labelOf(method)).toBeGreaterThanOrEqual(network === 'resnet32' ? 14 : 53);
        expect(losses.every(Number.isFinite), labelOf(method)).toBe(true);
      }
    },
  );

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
  const text = `{ name: a, data: { name: cifar10 }, network: { name: resnet, layers: 32 },
    train: { epochs: 1, batchSize: 2, learningRate: 1 }, method: ${yaml} }`;
  return parseConfig(text, 'a.yaml').method!;
}

it('custom with MAN’s choices is MAN: the rows of its ablation differ from it in their bridge alone', () => {
  const weights = `loss: [{ name: reconstruction, weight: [5, 0] }, { name: cross-entropy, weight: [0.5, 0] }]`;
  const bridge = 'bridge: { name: momentum, momentum: 0.995 }';
  const [custom, man] = [
    `{ method: custom, blocks: 16, auxiliary: 2c2f, ${weights}, ramp: stages, ${bridge} }`,
    '{ method: man, blocks: 16, auxiliary: 2c2f, ramp: stages, momentum: 0.995 }',
  ].map((yaml) => {
    const network = networkOf(32);
    const losses = stepWith(network, methodOf(yaml));
    disposeNetwork(network);
    return losses;
  });
  expect(custom).toEqual(man);
});
