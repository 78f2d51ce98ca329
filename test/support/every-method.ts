import tf = require('@tensorflow/tfjs');
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { createBatch, type Batch } from '../../src/local/batch.js';
import { builtInMethods } from '../../src/local/methods/built-in.js';
import type { MethodName, StrategyOptionsInput } from '../../src/local/options.js';
import { buildStrategy } from '../../src/local/build.js';
import { buildNetwork } from '../../src/networks/build.js';
import { builtInNetworks } from '../../src/networks/built-in.js';
import { createUnit, disposeNetwork, type Network } from '../../src/networks/network.js';
import { networkOptionsSchema, type NetworkOptionsInput } from '../../src/networks/options.js';
import { bottleneck } from '../../src/networks/residual.js';
import { residualUnits } from '../../src/networks/residual-stages.js';
import { sequential } from '../../src/nn/layer.js';
import { convBatchNorm, globalAveragePool, linear } from '../../src/nn/layers.js';
import { childScope, rootScope } from '../../src/nn/parameters.js';
import { randomStream } from '../../src/core/random.js';
import { papersSgd, sgd } from '../../src/train/sgd.js';
import { planSteps, trainStep } from '../../src/train/step.js';
import { sampleOf } from './fuzz.js';

type Shape = readonly [number, number, number];

/** Of each family a small one; of the ResNeXts there is none: `smallResnext` stands for them. */
const families: readonly (readonly [NetworkOptionsInput, Shape])[] = [
  [{ name: 'resnet', layers: 14 }, [8, 8, 3]],
  [{ name: 'resnet-imagenet', layers: 18 }, [32, 32, 3]],
  [{ name: 'vgg', layers: 13, head: 'pooled' }, [32, 32, 3]],
  [{ name: 'vit', layers: 3, width: 16, heads: 2, patchSize: 4 }, [8, 16, 3]],
];

const classes = 3;
const batchSize = 3;
const batches = 2;

/**
 * What makes a ResNeXt one, bottlenecks of grouped convolutions, at both strides; the only one that a config can name
 * has 87 million parameters.
 */
function smallResnext(): Network {
  const root = rootScope(1);
  const buildUnit = bottleneck({ groups: 4, widthPerGroup: 16 });
  const [height, width, channels] = resnextShape;
  const output = { height, width, channels: 32 };
  const stem = createUnit(
    {
      ...{ name: 'stem', stage: 0, index: 0, output },
      build: (scope) =>
        convBatchNorm(scope, ['conv1', 'bn1'], {
          inChannels: channels,
          outChannels: output.channels,
          kernel: 3,
          relu: true,
        }),
    },
    root,
  );
  const stages = [
    { units: 2, outChannels: 32, nominalWidth: 8 },
    { units: 2, outChannels: 64, nominalWidth: 16 },
  ];
  const fc = linear(childScope(root, 'fc'), { inputs: 64, outputs: classes });
  return {
    name: 'resnext-small',
    imageShape: resnextShape,
    classes,
    seed: 1,
    units: [stem, ...residualUnits(root, output, stages, buildUnit)],
    head: sequential([globalAveragePool, fc]),
    buildUnit,
  };
}

const resnextShape: Shape = [8, 8, 3];

/** Three blocks, where the method has a number of them. */
const optionsOf = (method: MethodName, network: string): StrategyOptionsInput => {
  if (method === 'bp') return { method };
  // MAN++ has no bridge from one stage into the next there.
  if (network === 'resnet-imagenet' && (method === 'man-plus' || method === 'dgl-man-plus'))
    return { method, cuts: ['layer2.0', 'layer3.0'] };
  if (method === 'auglocal') return { method, blocks: 3, depth: 1 };
  return { method, blocks: 3 };
};

function batchOf(shape: Network['imageShape'], name: string): Batch {
  const random = randomStream(1, 'every method', name);
  const size = batchSize * shape[0] * shape[1] * shape[2];
  const images = Float32Array.from({ length: size }, () => random.uniform());
  const labels = Uint16Array.from({ length: batchSize }, (_, i) => i % classes);
  const normalization = { mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25] };
  return createBatch(images, labels, shape, classes, normalization);
}

/** Trains two batches, and sees whether each variable of each update changes. */
function testTraining(network: Network, options: StrategyOptionsInput): void {
  const before = tf.memory().numTensors;
  const strategy = buildStrategy(network, options);
  const optimizer = sgd(papersSgd);
  const plan = planSteps(strategy.updates);
  const trained = strategy.updates.flatMap(({ name, variables }) =>
    variables.map((variable) => ({ name, variable, old: tf.clone(variable) })),
  );
  for (let step = 1; step <= batches; step++) {
    tf.tidy(() => {
      const batch = batchOf(network.imageShape, `batch ${step}`);
      const reads = vi.spyOn(tf.backend(), 'readSync');
      const { losses } = trainStep(strategy, plan, optimizer, 0.01, batch);
      // A GPU would be waited for each time; other engines' kernels read as they need.
      if (tf.getBackend() === 'torch') expect(reads).toHaveBeenCalledTimes(1);
      reads.mockRestore();
      expect(losses.every(Number.isFinite)).toBe(true);
    });
  }
  for (const { name, variable, old } of trained) {
    const change = tf.tidy(() => tf.sum(tf.abs(tf.sub(variable, old))).dataSync()[0]!);
    old.dispose();
    expect(change, `${name}, ${variable.name}`).toSatisfy(Number.isFinite);
    // A bias in front of batch statistics has no gradient.
    if (variable.rank > 1) expect(change, `${name}, ${variable.name}`).toBeGreaterThan(0);
  }
  optimizer.dispose();
  strategy.dispose();
  expect(tf.memory().numTensors).toBe(before);
}

/**
 * Tests that each method trains all that it has to, on each network, on the engine that runs: an epoch of two batches.
 *
 * @param n outside CI every n-th method is tried, network after network
 */
export function testEveryMethod(n: number): void {
  test('the families are those that there are', () => {
    const names = builtInNetworks.map(({ name }) => name).filter((name) => name !== 'resnext-imagenet');
    expect(families.map(([{ name }]) => name)).toEqual(names);
  });

  const names = builtInMethods.map(({ name }) => name);
  const tried = families
    .map((family, i) => [...family, sampleOf(names, n, i * names.length)] as const)
    .filter(([, , methods]) => methods.length > 0);
  describe.each(tried)('%j', (options, imageShape, methods) => {
    // One for all methods, which go on with it: most of the time would be its initial values.
    let network: Network;
    beforeAll(() => {
      network = buildNetwork(networkOptionsSchema.parse(options), { classes, imageShape, seed: 1 });
    });
    afterAll(() => disposeNetwork(network));

    test.each(methods)('%s', (method) => {
      testTraining(network, optionsOf(method, options.name));
    });
  });

  describe('grouped convolutions', () => {
    let network: Network;
    beforeAll(() => {
      network = smallResnext();
    });
    afterAll(() => disposeNetwork(network));

    test.each(sampleOf(['bp', 'auglocal', 'man'] as const, 3))('%s', (method) => {
      testTraining(network, optionsOf(method, network.name));
    });
  });
}
