import tf = require('@tensorflow/tfjs');
import { beforeAll, describe, expect, it } from 'vitest';
import { UserError } from '../../../src/core/errors.js';
import { contextModes, supplyContext } from '../../../src/local/axes/context/context.js';
import { cutsAfter } from '../../../src/local/partition/partition.js';
import { buildNetwork } from '../../../src/networks/build.js';
import { disposeNetwork, type Network, type Unit } from '../../../src/networks/network.js';
import { onnxModel } from '../../../src/networks/onnx/export.js';
import { networkOptionsSchema, type NetworkOptionsInput } from '../../../src/networks/options.js';
import { dropout } from '../../../src/nn/dropout.js';
import { disposeLayer, pureLayer, sequential, type Layer } from '../../../src/nn/layer.js';
import { batchNorm } from '../../../src/nn/batch-norm.js';
import { conv, flatten, linear, relu } from '../../../src/nn/layers.js';
import { childScope, rootScope } from '../../../src/nn/parameters.js';
import { adaptiveAveragePool, averagePool, maxPool } from '../../../src/nn/pooling.js';
import { startEngine } from '../../support/engine.js';
import { tinyNetwork } from '../../support/tiny.js';
import { difference, scramble } from './difference.js';

beforeAll(async () => void (await startEngine()));

type Shape = readonly [number, number, number];

/** ONNX Runtime rounds in another order; the issue asks for 1e-4. */
const tolerance = 1e-5;

const families: readonly (readonly [NetworkOptionsInput, Shape])[] = [
  [{ name: 'resnet', layers: 8 }, [8, 10, 3]],
  [{ name: 'resnet-imagenet', layers: 18 }, [40, 33, 3]],
  [{ name: 'vgg', layers: 13, head: 'pooled' }, [32, 40, 1]],
  [{ name: 'vit', patchSize: 4, layers: 2, width: 12, heads: 3 }, [8, 12, 3]],
];

describe('in ONNX Runtime', () => {
  it.each(families)('%o gives the same logits', async (options, imageShape) => {
    const network = buildNetwork(networkOptionsSchema.parse(options), { classes: 5, imageShape, seed: 1 });
    scramble(network);
    const backend = tf.getBackend();
    const { numTensors } = tf.memory();
    expect(await difference(network, 3)).toBeLessThan(tolerance);
    expect(tf.memory().numTensors).toBe(numTensors);
    expect(tf.getBackend()).toBe(backend);
    disposeNetwork(network);
  });

  it.each(['E', 'R2', 'R1E'] as const)(
    'a network that is supplied with context %s gives the same logits',
    async (mode) => {
      const plain = tinyNetwork();
      const { network, contexts } = supplyContext(
        plain,
        cutsAfter(plain, ['layer1.0', 'layer1.1', 'layer2.1']),
        contextModes[mode],
      );
      expect(network.units.filter(({ context }) => context !== undefined).length).toBeGreaterThan(0);
      scramble(network);
      expect(await difference(network, 2)).toBeLessThan(tolerance);
      contexts.forEach(disposeLayer);
      disposeNetwork(plain);
    },
  );

  it('a network of all other layers gives the same logits', async () => {
    const network = networkOf([13, 11, 4], (scope) => [
      conv(childScope(scope, 'grouped'), {
        inChannels: 4,
        outChannels: 8,
        kernel: 3,
        stride: 2,
        groups: 2,
        bias: true,
      }),
      batchNorm(childScope(scope, 'bn1'), 8, { relu: true }),
      maxPool({ window: 2, stride: 2, padding: 'same' }),
      conv(childScope(scope, 'wide'), { inChannels: 8, outChannels: 6, kernel: 1 }),
      averagePool({ window: [2, 2], padding: [1, 1] }),
      // 3 × 2 cells of a 2 × 2 map: rows overlap.
      adaptiveAveragePool([3, 2]),
      pureLayer((x) => tf.tidy(() => tf.concat([tf.div(x, 3), tf.sub(1, tf.mul(x, x))], 3))),
      flatten,
      linear(childScope(scope, 'hidden'), { inputs: 72, outputs: 7, bias: false }),
      batchNorm(childScope(scope, 'bn2'), 7, { relu: false }),
      relu,
      dropout(childScope(scope, 'dropout'), 0.5),
      linear(childScope(scope, 'out'), { inputs: 7, outputs: 3 }),
    ]);
    scramble(network);
    expect(await difference(network, 4)).toBeLessThan(tolerance);
    disposeNetwork(network);
  });
});

it('a network of an operation that ONNX is not told here is refused by its name', async () => {
  const network = networkOf([4, 4, 1], (scope) => [
    pureLayer((x) => tf.sin(x)),
    flatten,
    linear(childScope(scope, 'out'), { inputs: 16, outputs: 3 }),
  ]);
  const backend = tf.getBackend();
  await expect(onnxModel(network, { producerVersion: '0' })).rejects.toThrow(
    new UserError(
      "patchwork cannot be exported to ONNX: it uses TensorFlow.js's Sin, for which no ONNX operator is known here",
    ),
  );
  expect(tf.getBackend()).toBe(backend);
  disposeNetwork(network);
});

it('a convolution that resizes what it reads is refused, not exported as if it did not', async () => {
  const network = networkOf([4, 4, 1], (scope) => [
    conv(childScope(scope, 'conv'), { inChannels: 1, outChannels: 1, kernel: 3, resized: [8, 8] }),
    flatten,
    linear(childScope(scope, 'out'), { inputs: 64, outputs: 3 }),
  ]);
  await expect(onnxModel(network, { producerVersion: '0' })).rejects.toThrow(UserError);
  await expect(onnxModel(network, { producerVersion: '0' })).rejects.toThrow('resize what they read');
  disposeNetwork(network);
});

/** A network without units, whose head is all of it. */
function networkOf(
  imageShape: Shape,
  build: (scope: ReturnType<typeof rootScope>) => readonly Layer[],
): Network {
  const units: Unit[] = [];
  return {
    name: 'patchwork',
    imageShape,
    classes: 3,
    seed: 1,
    units,
    head: sequential(build(rootScope(1))),
    buildUnit: () => {
      throw new Error('has no blocks');
    },
  };
}
