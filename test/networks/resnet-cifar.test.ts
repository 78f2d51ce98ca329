import tf = require('@tensorflow/tfjs');
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { evaluationMode, trainingMode } from '../../src/engine/fused/ops.js';
import { UserError } from '../../src/core/errors.js';
import { disposeNetwork, networkForward, networkState, type Network } from '../../src/networks/network.js';
import { resnetCifar } from '../../src/networks/resnet-cifar.js';
import { disposeLayer } from '../../src/nn/layer.js';
import { rootScope, setFromTorch, toTorch } from '../../src/nn/parameters.js';
import { startEngine } from '../support/engine.js';
import { mean } from '../support/numeric.js';

let network: Network;
beforeAll(async () => {
  await startEngine();
  network = resnetCifar({ layers: 32, classes: 10, imageShape: [32, 32, 3], seed: 3 });
});
afterAll(() => {
  disposeNetwork(network);
});

const torchShapes = (): Record<string, string> =>
  Object.fromEntries(
    networkState(network).map((parameter) => [parameter.name, toTorch(parameter).shape.join('×')]),
  );

describe('ResNet-32', () => {
  test('has 16 units named as PyTorch names them, halving the map where the width doubles', () => {
    expect(network.units.map(({ name }) => name)).toEqual([
      'stem',
      ...[1, 2, 3].flatMap((stage) => [0, 1, 2, 3, 4].map((index) => `layer${stage}.${index}`)),
    ]);
    const sizes = network.units.map(({ output: { height, width, channels } }) => [height, width, channels]);
    expect(sizes.slice(0, 6)).toEqual(new Array(6).fill([32, 32, 16]));
    expect(sizes.slice(6, 11)).toEqual(new Array(5).fill([16, 16, 32]));
    expect(sizes.slice(11)).toEqual(new Array(5).fill([8, 8, 64]));
  });

  test('has PyTorch-named parameters in PyTorch shapes', () => {
    const shapes = torchShapes();
    expect(shapes).toMatchObject({
      'conv1.weight': '16×3×3×3',
      'bn1.running_var': '16',
      'layer1.0.conv1.weight': '16×16×3×3',
      'layer2.0.conv1.weight': '32×16×3×3',
      'layer2.0.downsample.0.weight': '32×16×1×1',
      'layer2.0.downsample.1.bias': '32',
      'layer3.4.bn2.running_mean': '64',
      'fc.weight': '10×64',
      'fc.bias': '10',
    });
    expect(shapes).not.toHaveProperty(['layer1.0.downsample.0.weight']);
    expect(shapes).not.toHaveProperty(['layer2.1.downsample.0.weight']);
    const names = networkState(network).map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    // The published figure of the network with projection shortcuts.
    const trained = networkState(network).filter(({ name }) => !name.includes('running_'));
    expect(trained.reduce((total, { variable }) => total + variable.size, 0)).toBe(466_906);
  });

  test('draws convolutions from N(0, √(2 / (k·k·out))) and the classifier from U(±1/√in)', () => {
    const valuesOf = (name: string): number[] => [
      ...toTorch(networkState(network).find((parameter) => parameter.name === name)!).values,
    ];
    const filters = valuesOf('layer3.4.conv2.weight');
    const deviation = Math.sqrt(2 / (9 * 64));
    expect(Math.abs(mean(filters))).toBeLessThan((4 * deviation) / Math.sqrt(filters.length));
    expect(Math.sqrt(mean(filters.map((value) => value ** 2))) / deviation).toBeCloseTo(1, 1);
    // Normal, not uniform: the fourth moment is three times the square of the second.
    expect(mean(filters.map((value) => (value / deviation) ** 4))).toBeGreaterThan(2.8);
    const linear = valuesOf('fc.weight');
    const bound = 1 / Math.sqrt(64);
    expect(Math.max(...linear.map(Math.abs))).toBeLessThanOrEqual(bound);
    expect(Math.max(...linear.map(Math.abs))).toBeGreaterThan(0.98 * bound);
    expect(Math.sqrt(mean(linear.map((value) => value ** 2))) / (bound / Math.sqrt(3))).toBeCloseTo(1, 1);
    expect(valuesOf('layer2.1.bn1.weight')).toEqual(new Array(32).fill(1));
    expect(valuesOf('layer2.1.bn1.bias')).toEqual(new Array(32).fill(0));
  });

  test('draws the same values from the same seed, whatever was built before', () => {
    const again = resnetCifar({ layers: 8, classes: 10, imageShape: [32, 32, 3], seed: 3 });
    const other = resnetCifar({ layers: 8, classes: 10, imageShape: [32, 32, 3], seed: 4 });
    const first = (built: Network): Float32Array => toTorch(built.units[1]!.layer.parameters[0]!).values;
    expect(first(again)).toEqual(first(network));
    expect(first(other)).not.toEqual(first(network));
    [again, other].forEach(disposeNetwork);
  });

  test('makes logits, the same for each image in evaluation mode whatever stands beside it', () => {
    tf.tidy(() => {
      const images = tf.randomUniform<tf.Rank.R4>([3, 32, 32, 3], -1, 1, 'float32', 5);
      const logits = networkForward(network, images, evaluationMode);
      expect(logits.shape).toEqual([3, 10]);
      const alone = networkForward(network, tf.slice(images, [1], [1]), evaluationMode);
      const difference = tf.sub(alone, tf.slice(logits, [1], [1]));
      expect(tf.max(tf.abs(difference)).dataSync()[0]).toBeLessThan(1e-3);
    });
  });
});

test('units build fresh layers of their shape, below a scope of their own', () => {
  const layer = network.units[6]!.build(rootScope(1, 'copy'));
  expect(layer.parameters.map(({ name }) => name)).toContain('copy.downsample.0.weight');
  tf.tidy(() => {
    const y = layer.forward(tf.ones([2, 32, 32, 16]), trainingMode);
    expect(y.shape).toEqual([2, 16, 16, 32]);
  });
  disposeLayer(layer);
});

test('odd maps shrink as a padded convolution does', () => {
  const odd = resnetCifar({ layers: 8, classes: 10, imageShape: [15, 15, 1], seed: 1 });
  expect(odd.units.map(({ output }) => output.height)).toEqual([15, 15, 8, 4]);
  tf.tidy(() => {
    expect(networkForward(odd, tf.ones([2, 15, 15, 1]), trainingMode).shape).toEqual([2, 10]);
  });
  disposeNetwork(odd);
});

test.each([
  [10, 8],
  [33, 32],
  [2, 8],
  [-4, 8],
])('%i layers are refused, naming %i', (layers, nearest) => {
  const build = (): Network => resnetCifar({ layers, classes: 10, imageShape: [32, 32, 3], seed: 1 });
  expect(build).toThrow(UserError);
  expect(build).toThrow(`the nearest is ${nearest}`);
});

test('values of another shape are refused', () => {
  const parameter = networkState(network)[0]!;
  expect(() => setFromTorch(parameter, { shape: [16, 3, 3, 2], values: new Float32Array(288) })).toThrow(
    /conv1.weight has shape \[16, 3, 3, 3\], got \[16, 3, 3, 2\]/,
  );
});
