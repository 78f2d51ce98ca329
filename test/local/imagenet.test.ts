import tf = require('@tensorflow/tfjs');
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { trainingMode } from '../../src/engine/fused/ops.js';
import { UserError } from '../../src/core/errors.js';
import type { Decoder } from '../../src/local/axes/decoder/decoder.js';
import { hpffImagenetDecoder } from '../../src/local/axes/decoder/hpff-imagenet.js';
import { manImagenetDecoder } from '../../src/local/axes/decoder/man-imagenet.js';
import { imagenetNet } from '../../src/local/axes/auxiliary/imagenet.js';
import { cutsAfter, publishedOrEvenCuts } from '../../src/local/partition/partition.js';
import { stageCuts } from '../../src/local/partition/options.js';
import type { Site } from '../../src/local/site.js';
import { disposeNetwork, type Network } from '../../src/networks/network.js';
import { disposeLayer, type Layer } from '../../src/nn/layer.js';
import { rootScope } from '../../src/nn/parameters.js';
import { startEngine } from '../support/engine.js';
import { tinyNetwork } from '../support/tiny.js';

let network: Network;
beforeAll(async () => {
  await startEngine();
  network = tinyNetwork();
});
afterAll(() => {
  disposeNetwork(network);
});

/** `1×1×512×128, …` of a layer's convolutions and linear layers. */
const filters = (layer: Layer): string[] =>
  layer.parameters
    .filter(({ variable }) => variable.rank > 1)
    .map(({ variable }) => variable.shape.join('×'));

describe('the ImageNet head', () => {
  const siteOf = (channels: number): Site => ({
    network,
    unit: network.units[1]!,
    features: { height: 7, width: 5, channels },
    position: 0,
    blocks: 2,
  });

  test.each([
    // Published.
    [256, ['1×1×256×128', '3×3×128×256']],
    [512, ['1×1×512×128', '3×3×128×256']],
    [1024, ['1×1×1024×256', '3×3×256×256']],
    // Decided here.
    [64, ['1×1×64×128', '3×3×128×256']],
    [2048, ['1×1×2048×256', '3×3×256×256']],
  ])('of %i channels', (channels, first) => {
    const layer = imagenetNet(rootScope(1, 'h'), siteOf(channels), 10);
    expect(filters(layer)).toEqual([...first, '3×3×256×512', '1×1×512×2048', '2048×10']);
    expect(layer.parameters.filter(({ name }) => /h\.(0|3|6|9)\.bias/.test(name))).toEqual([]);
    const output = tf.tidy(() => layer.forward(tf.ones([2, 7, 5, channels]), trainingMode).shape);
    expect(output).toEqual([2, 10]);
    disposeLayer(layer);
  });
});

describe('the ImageNet decoders', () => {
  const image = (height: number, width = height) => ({ height, width, channels: 3 });
  const build = (decoder: Decoder, shrink: number, size: number, channels: number): Layer =>
    decoder(rootScope(1), { height: size / shrink, width: size / shrink, channels }, image(size));

  test.each([
    [
      'man',
      manImagenetDecoder,
      14,
      1024,
      ['1×1×1024×192', '1×1×192×64', '3×3×64×32', '3×3×32×12', '3×3×12×3'],
    ],
    ['man', manImagenetDecoder, 28, 512, ['1×1×512×128', '3×3×128×32', '3×3×32×12', '3×3×12×3']],
    ['man', manImagenetDecoder, 28, 128, ['1×1×128×128', '3×3×128×32', '3×3×32×12', '3×3×12×3']],
    ['hpff', hpffImagenetDecoder, 56, 64, ['1×1×64×128', '3×3×128×16', '3×3×16×3']],
    ['hpff', hpffImagenetDecoder, 28, 512, ['1×1×512×128', '3×3×128×32', '3×3×32×16', '3×3×16×3']],
    [
      'hpff',
      hpffImagenetDecoder,
      14,
      1024,
      ['1×1×1024×128', '3×3×128×64', '3×3×64×32', '3×3×32×16', '3×3×16×3'],
    ],
  ] as const)('of %s for maps of %3$i of 224', (_name, decoder, size, channels, expected) => {
    const layer = build(decoder, 224 / size, 224, channels);
    expect(filters(layer)).toEqual(expected);
    disposeLayer(layer);
  });

  test.each([
    ['man', manImagenetDecoder],
    ['hpff', hpffImagenetDecoder],
  ] as const)('of %s rebuild images of every size from a quarter down', (_name, decoder) => {
    for (const shrink of [4, 8, 16, 32]) {
      const layer = build(decoder, shrink, 32, 8);
      const output = tf.tidy(
        () => layer.forward(tf.ones([2, 32 / shrink, 32 / shrink, 8]), trainingMode).shape,
      );
      expect(output).toEqual([2, 32, 32, 3]);
      disposeLayer(layer);
    }
    const odd = decoder(rootScope(1), { height: 5, width: 3, channels: 8 }, image(33, 21));
    expect(tf.tidy(() => odd.forward(tf.ones([2, 5, 3, 8]), trainingMode).shape)).toEqual([2, 33, 21, 3]);
    disposeLayer(odd);
    const large = (): Layer => build(decoder, 2, 32, 8);
    expect(large).toThrow(UserError);
    expect(large).toThrow(/at most a quarter of the image's size; these are 16×16 of 32×32.*decoder '2c'/);
  });
});

describe('published cut points', () => {
  /** Names alone: the networks themselves are large. */
  const named = (name: string, blocks: readonly number[]): Network => {
    const units = blocks.flatMap((count, s) =>
      Array.from({ length: count }, (_, i) => ({ name: `layer${s + 1}.${i}` })),
    );
    return { name, units: [{ name: 'stem' }, ...units] } as unknown as Network;
  };
  const bottlenecks = [3, 4, 23, 3];

  test.each([
    ['resnet-imagenet-34', [3, 4, 6, 3], 2, ['2.0']],
    ['resnet-imagenet-34', [3, 4, 6, 3], 4, ['2.0', '3.0', '3.5']],
    ['resnet-imagenet-50', [3, 4, 6, 3], 2, ['2.0']],
    ['resnet-imagenet-50', [3, 4, 6, 3], 4, ['2.0', '3.0', '3.5']],
    ['resnet-imagenet-101', bottlenecks, 2, ['2.0']],
    ['resnet-imagenet-101', bottlenecks, 4, ['3.0', '3.9', '3.17']],
    ['resnet-imagenet-101', bottlenecks, 8, ['2.0', '3.1', '3.5', '3.9', '3.13', '3.17', '3.21']],
    ['resnext-imagenet-101', bottlenecks, 2, ['2.0']],
    ['resnext-imagenet-101', bottlenecks, 4, ['3.0', '3.9', '3.17']],
    ['resnet-imagenet-152', [3, 8, 36, 3], 2, ['2.5']],
    ['resnet-imagenet-152', [3, 8, 36, 3], 4, ['3.0', '3.9', '3.17']],
  ])('of %s %j for %i blocks are after %j', (name, blocks, count, expected) => {
    const given = named(name, blocks);
    const names = expected.map((unit) => `layer${unit}`);
    expect(publishedOrEvenCuts(given, count)).toEqual(cutsAfter(given, names));
  });

  test.each([
    ['resnet-imagenet-101', bottlenecks, 4, ['2.2', '3.8', '3.16']],
    ['resnext-imagenet-101', bottlenecks, 4, ['2.2', '3.8', '3.16']],
    ['resnet-imagenet-152', [3, 8, 36, 3], 4, ['2.6', '3.13', '3.25']],
    ['resnet-imagenet-152', [3, 8, 36, 3], 2, ['2.5']],
    ['resnet-imagenet-34', [3, 4, 6, 3], 4, ['2.0', '3.0', '3.5']],
  ])('of %s %j for %i blocks are after %j in MAN and MAN++', (name, blocks, count, expected) => {
    const given = named(name, blocks);
    const cuts = cutsAfter(
      given,
      expected.map((unit) => `layer${unit}`),
    );
    for (const method of ['man', 'man-plus']) {
      expect(stageCuts(given, { method, blocks: count }).cuts).toEqual(cuts);
    }
  });

  test('of HPFF for ResNet-101 and 4 blocks stay its own', () => {
    const given = named('resnet-imagenet-101', bottlenecks);
    expect(stageCuts(given, { method: 'hpff', blocks: 4 }).cuts).toEqual(
      cutsAfter(given, ['layer3.0', 'layer3.9', 'layer3.17']),
    );
  });
});
