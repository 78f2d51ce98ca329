import tf = require('@tensorflow/tfjs');
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { trainingMode } from '../../../../src/engine/fused/ops.js';
import { imagenetNet } from '../../../../src/local/axes/auxiliary/imagenet.js';
import type { Site } from '../../../../src/local/site.js';
import { disposeNetwork, type Network } from '../../../../src/networks/network.js';
import { disposeLayer } from '../../../../src/nn/layer.js';
import { rootScope } from '../../../../src/nn/parameters.js';
import { startEngine } from '../../../support/engine.js';
import { filters } from '../../../support/filters.js';
import { tinyNetwork } from '../../../support/tiny.js';

let network: Network;
beforeAll(async () => {
  await startEngine();
  network = tinyNetwork();
});
afterAll(() => {
  disposeNetwork(network);
});

describe('the ImageNet net', () => {
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
