import tf = require('@tensorflow/tfjs');
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { trainingMode } from '../../src/engine/fused/ops.js';
import { UserError } from '../../src/core/errors.js';
import { disposeNetwork, type Network } from '../../src/networks/network.js';
import { bottleneck } from '../../src/networks/residual.js';
import { resnetImagenet, resnextImagenet } from '../../src/networks/resnet-imagenet.js';
import { disposeLayer, type Layer } from '../../src/nn/layer.js';
import { rootScope, toTorchShape } from '../../src/nn/parameters.js';
import { startEngine } from '../support/engine.js';

const inputs = { classes: 5, imageShape: [64, 64, 3], seed: 1 } as const;
let network: Network;

beforeAll(async () => {
  await startEngine();
  network = resnetImagenet({ layers: 18, ...inputs });
});
afterAll(() => disposeNetwork(network));

const shapesOf = ({ parameters }: Layer): Record<string, string> =>
  Object.fromEntries(parameters.map(({ name, variable }) => [name, toTorchShape(variable.shape).join('×')]));

/** Runs the units one after another and checks what each announces. */
function expectAnnouncedMaps({ units, imageShape }: Network): void {
  tf.tidy(() => {
    let x: tf.Tensor = tf.ones([2, ...imageShape]);
    for (const { layer, output, name } of units) {
      x = layer.forward(x, trainingMode);
      expect(x.shape, name).toEqual([2, output.height, output.width, output.channels]);
    }
  });
}

describe('ResNet-18 as torchvision builds it', () => {
  test('has a stem of two halvings and eight basic units', () => {
    expect(network.name).toBe('resnet-imagenet-18');
    const maps = network.units.map(
      ({ name, output: { height, channels } }) => `${name} ${height} ${channels}`,
    );
    expect(maps).toEqual([
      'stem 16 64',
      'layer1.0 16 64',
      'layer1.1 16 64',
      'layer2.0 8 128',
      'layer2.1 8 128',
      'layer3.0 4 256',
      'layer3.1 4 256',
      'layer4.0 2 512',
      'layer4.1 2 512',
    ]);
    expect(network.units.map(({ stage, index }) => `${stage}.${index}`)).toEqual([
      '0.0',
      '1.0',
      '1.1',
      '2.0',
      '2.1',
      '3.0',
      '3.1',
      '4.0',
      '4.1',
    ]);
    expectAnnouncedMaps(network);
  });

  test('takes odd images of one channel', () => {
    const odd = resnetImagenet({ ...inputs, layers: 18, imageShape: [37, 45, 1] });
    expectAnnouncedMaps(odd);
    disposeNetwork(odd);
  });

  test('passes gradients through the stem’s pool', () => {
    const stem = network.units[0]!.layer;
    const parameters = stem.parameters.map(({ variable }) => variable);
    const images = tf.randomNormal([4, 8, 8, 3], 0, 1, 'float32', 3);
    const { value, grads } = tf.variableGrads(
      () => tf.sum(tf.square(stem.forward(images, trainingMode))),
      parameters,
    );
    for (const { name } of parameters) expect(tf.max(tf.abs(grads[name]!)).dataSync()[0]).toBeGreaterThan(0);
    tf.dispose([images, value, grads]);
  });
});

describe('bottlenecks', () => {
  test('have their stride on the 3×3 convolution and, behind a change, a projection', () => {
    const build = bottleneck({ groups: 1, widthPerGroup: 64 });
    const block = build(rootScope(1, 'aux'), { inChannels: 64, outChannels: 256, stride: 2 });
    expect(shapesOf(block)).toMatchObject({
      'aux.conv1.weight': '64×64×1×1',
      'aux.conv2.weight': '64×64×3×3',
      'aux.conv3.weight': '256×64×1×1',
      'aux.downsample.0.weight': '256×64×1×1',
    });
    tf.tidy(() => {
      expect(block.forward(tf.ones([2, 5, 5, 64]), trainingMode).shape).toEqual([2, 3, 3, 256]);
    });
    disposeLayer(block);
  });

  test('of ResNeXt convolve in 32 groups', () => {
    const build = bottleneck({ groups: 32, widthPerGroup: 8 });
    const block = build(rootScope(1), { inChannels: 128, outChannels: 128, stride: 1 });
    expect(shapesOf(block)).toEqual({
      'conv1.weight': '128×128×1×1',
      'bn1.weight': '128',
      'bn1.bias': '128',
      'conv2.weight': '128×4×3×3',
      'bn2.weight': '128',
      'bn2.bias': '128',
      'conv3.weight': '128×128×1×1',
      'bn3.weight': '128',
      'bn3.bias': '128',
    });
    disposeLayer(block);
  });

  test('are refused where channels do not divide', () => {
    const build = bottleneck({ groups: 32, widthPerGroup: 8 });
    for (const outChannels of [66, 4])
      expect(() => build(rootScope(1), { inChannels: 64, outChannels, stride: 1 })).toThrow(UserError);
  });
});

test.each([
  ['resnet-imagenet', resnetImagenet, 20, '18, 34, 50, 101, 152'],
  ['resnext-imagenet', resnextImagenet, 50, '101'],
] as const)('%s refuses another number of layers, naming those it has', (name, make, layers, allowed) => {
  expect(() => make({ layers, ...inputs })).toThrow(
    new UserError(`network layers ${layers}: ${name} has ${allowed} layers`),
  );
});
