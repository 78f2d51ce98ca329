import { readdirSync, readFileSync } from 'node:fs';
import { join, sep } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { describeDataset } from '../../src/data/registry.js';
import { comparedMethods, loadConfig } from '../../src/config/config.js';
import { isBaseline, namedOptions, type MethodConfig } from '../../src/config/method-config.js';
import { manPlus } from '../../src/local/methods/man-plus.js';
import { man } from '../../src/local/methods/man.js';
import { buildMethod } from '../../src/local/build.js';
import { buildNetwork } from '../../src/networks/build.js';
import { disposeNetwork } from '../../src/networks/network.js';
import { withoutMemory } from '../../src/nn/parameters.js';
import { startEngine } from '../support/engine.js';
import { sampleOf } from '../support/fuzz.js';

const folder = join(import.meta.dirname, '../../configs');
const files = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.yaml') && !file.split(sep).some((part) => part.startsWith('_')))
  .sort();
const loaded = new Map<string, ReturnType<typeof loadConfig>>();
/** Each is read once: most of the time here is that. */
async function load(file: string) {
  const path = join(folder, file);
  if (!loaded.has(path)) loaded.set(path, loadConfig(path));
  return (await loaded.get(path)!).config;
}

beforeAll(async () => {
  await startEngine();
});

describe('every config', () => {
  /** Networks and methods that several data sets share are built once. */
  const built = new Set<string>();

  it.each(sampleOf(files, 8))('%s resolves, and its network and strategies are built', async (file) => {
    const config = await load(file);
    const { classes, imageShape } = await describeDataset(config.data);
    const methods = comparedMethods(config);
    expect(methods.length).toBeGreaterThan(0);
    expect(methods.filter(isBaseline)).toHaveLength(1);
    for (const method of methods) {
      const key = JSON.stringify([config.network, classes, imageShape, namedOptions(method)]);
      if (built.has(key)) continue;
      built.add(key);
      // Initial values don't matter here, and a ResNeXt has 10⁸ of them.
      const [network, strategy] = withoutMemory(() => {
        const network = buildNetwork(config.network, { classes, imageShape, seed: 1 });
        return [network, buildMethod(network, method)] as const;
      });
      const imagenet = network.name.includes('imagenet');
      expect(strategy.blocks).toBe(blocksOf(method, network.units.length, imagenet));
      strategy.dispose();
      disposeNetwork(network);
    }
  });

  /** K as METHODS counts it. */
  function blocksOf(method: MethodConfig, units: number, imagenet: boolean): number {
    const { name } = method.method;
    const { blocks, depth, cuts } = method.options;
    if (name === 'bp') return 1;
    if (Array.isArray(cuts)) return cuts.length + 1;
    // Its code for ImageNet joins nothing.
    if (name === 'auglocal') return imagenet ? units : units - (depth as number);
    // The published "every unit" of K = 16 and 55 joins the stem to the first.
    const stemJoined = blocks === units && name !== 'contsup';
    // MAN++ trains the stem of small images alone.
    const ownStem = name.endsWith('man-plus') && !imagenet ? 1 : 0;
    if (typeof blocks === 'number') return ownStem + (stemJoined ? units - 1 : blocks);
    return units;
  }
});

it('has a name for every config', async () => {
  const names = await Promise.all(files.map(async (file) => (await load(file)).name));
  expect(new Set(names).size).toBe(names.length);
});

it('has the published recipe for each data set', async () => {
  const cifar = await load('cifar10/resnet110/man.yaml');
  expect(cifar).toMatchObject({
    data: { name: 'cifar10' },
    network: { name: 'resnet', layers: 110 },
    train: {
      ...{ epochs: 400, batchSize: 1024, learningRate: 0.8, momentum: 0.9, nesterov: true },
      ...{ weightDecay: 1e-4, schedule: 'cosine', warmupEpochs: 10, augment: true },
    },
    method: {
      method: man,
      options: { blocks: 55, reconstruction: [5, 0], classification: [0.5, 0], momentum: 0.995 },
    },
  });
  expect((await load('svhn/resnet32/bp.yaml')).train).toMatchObject({ batchSize: 1024, learningRate: 0.8 });
  expect((await load('stl10/resnet32/bp.yaml')).train).toMatchObject({ batchSize: 128, learningRate: 0.1 });
  expect(await load('cifar10/resnet110/infopro.yaml')).toMatchObject({
    method: { options: { reconstruction: [5, 0.5], classification: [0, 1], auxiliary: '1c2f' } },
  });
  expect(await load('stl10/resnet110/contsup.yaml')).toMatchObject({
    train: { epochs: 160, batchSize: 128, learningRate: 0.1, warmupEpochs: 10 },
    method: {
      options: {
        blocks: 16,
        context: 'R1E',
        reconstruction: [20, 10],
        classification: [0.5, 0.1],
        auxiliary: '1c2f',
      },
    },
  });
  expect(await load('imagenet/resnet152/man.yaml')).toMatchObject({
    data: { name: 'imagenet', imageSize: 224 },
    train: { epochs: 90, batchSize: 128, learningRate: 0.05, schedule: 'cosine-imagenet', warmupEpochs: 0 },
    method: {
      options: { blocks: 2, reconstruction: [5, 5], classification: [0.75, 0.75], decoder: 'man-imagenet' },
    },
  });
  expect(await load('imagenet/resnet152/man-plus-k4.yaml')).toMatchObject({
    network: { name: 'resnet-imagenet', layers: 152 },
    train: { epochs: 90, batchSize: 1024, learningRate: 0.4, schedule: 'cosine-imagenet', warmupEpochs: 0 },
    method: {
      method: manPlus,
      options: { blocks: 4, reconstruction: [5, 5], classification: [0.75, 0.75], auxiliary: 'imagenet' },
    },
  });
});

it.each(files.filter((file) => file.includes(sep)))('%s says what it is, in a few lines', (file) => {
  const lines = readFileSync(join(folder, file), 'utf8').trimEnd().split('\n');
  expect(lines[0]).toMatch(/^# \S/);
  expect(lines.length).toBeLessThanOrEqual(18);
});

describe('the table of configs in docs/parity.md', () => {
  const text = readFileSync(join(folder, '../docs/parity.md'), 'utf8');
  const rows = text
    .slice(text.indexOf('## The shipped configs'))
    .split('\n')
    .map((line) => /^\| `([^`]+)`/.exec(line)?.[1])
    .filter((names) => names !== undefined);

  /** `a/{b,c}` → `a/b`, `a/c`. */
  function expanded(pattern: string): string[] {
    const [, before, choices, after] = /^(.*?)\{([^}]*)\}(.*)$/.exec(pattern) ?? [];
    if (choices === undefined) return [pattern];
    return choices.split(',').flatMap((choice) => expanded(`${before}${choice}${after}`));
  }

  it('has one row for each', () => {
    const named = rows.flatMap(expanded).map((name) => `${name.split('/').join(sep)}.yaml`);
    expect(named.toSorted()).toEqual(files);
  });
});
