import tf = require('@tensorflow/tfjs');
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { evaluationMode, trainingMode } from '../../src/engine/fused/ops.js';
import { UserError } from '../../src/core/errors.js';
import { disposeNetwork, networkForward, networkState, type Network } from '../../src/networks/network.js';
import { vgg, type VggOptions } from '../../src/networks/vgg.js';
import { disposeLayer } from '../../src/nn/layer.js';
import { rootScope } from '../../src/nn/parameters.js';
import { startEngine } from '../support/engine.js';

let network: Network;
const build = (options: Partial<VggOptions> = {}): Network =>
  vgg({ layers: 13, head: 'pooled', classes: 10, imageShape: [32, 32, 3], seed: 1, ...options });

beforeAll(async () => {
  await startEngine();
  network = build();
});
afterAll(() => disposeNetwork(network));

describe('VGG', () => {
  test.each([
    [13, [0, 3, 7, 10, 14, 17, 21, 24, 28, 31]],
    [19, [0, 3, 7, 10, 14, 17, 20, 23, 27, 30, 33, 36, 40, 43, 46, 49]],
  ])('-%i’s units are its convolutions, numbered as in torchvision', (layers, numbers) => {
    const built = layers === 13 ? network : build({ layers });
    const { units, name } = built;
    expect(name).toBe(`vgg-${layers}`);
    expect(units.map((unit) => unit.name)).toEqual(numbers.map((number) => `features.${number}`));
    for (const { name, layer } of units) {
      expect(layer.parameters[0]!.name).toBe(`${name}.weight`);
      expect(layer.parameters[1]!.name).toBe(`${name}.bias`);
    }
    if (built !== network) disposeNetwork(built);
  });

  test('stages end with a pool, and every unit makes the map it announces', () => {
    const { units } = network;
    expect(units.map(({ output: { height, channels } }) => [height, channels])).toEqual([
      [32, 64],
      [16, 64],
      [16, 128],
      [8, 128],
      [8, 256],
      [4, 256],
      [4, 512],
      [2, 512],
      [2, 512],
      [1, 512],
    ]);
    expect(units.map(({ stage, index }) => [stage, index])).toEqual(
      [1, 2, 3, 4, 5].flatMap((stage) => [
        [stage, 0],
        [stage, 1],
      ]),
    );
    tf.tidy(() => {
      let x: tf.Tensor = tf.ones([2, 32, 32, 3]);
      for (const { layer, output } of units) {
        x = layer.forward(x, trainingMode);
        expect(x.shape).toEqual([2, output.height, output.width, output.channels]);
      }
    });
  });

  test('the pooled head is one linear layer', () => {
    const names = networkState(network).map(({ name }) => name);
    expect(names.filter((name) => name.startsWith('classifier'))).toEqual([
      'classifier.weight',
      'classifier.bias',
    ]);
    tf.tidy(() => {
      expect(networkForward(network, tf.ones([3, 32, 32, 3]), evaluationMode).shape).toEqual([3, 10]);
    });
  });

  test('a fresh block pools where its stride is 2, also a single pixel', () => {
    const block = network.buildUnit(rootScope(1, 'aux'), { inChannels: 4, outChannels: 6, stride: 2 });
    expect(block.parameters.map(({ name }) => name)).toEqual([
      'aux.0.weight',
      'aux.0.bias',
      'aux.1.weight',
      'aux.1.bias',
    ]);
    const sizes = [8, 3, 1].map((size) =>
      tf.tidy(() => block.forward(tf.ones([2, size, size, 4]), trainingMode).shape),
    );
    expect(sizes).toEqual([
      [2, 4, 4, 6],
      [2, 2, 2, 6],
      [2, 1, 1, 6],
    ]);
    disposeLayer(block);
  });

  test('refuses other numbers of layers and images that its pools would shrink to nothing', () => {
    expect(() => build({ layers: 16 })).toThrow(new UserError('network layers 16: vgg has 13 or 19 layers'));
    expect(() => build({ imageShape: [28, 28, 1] })).toThrow(UserError);
    expect(() => build({ imageShape: [28, 28, 1] })).toThrow(/at least 32×32, not 28×28/);
  });
});
