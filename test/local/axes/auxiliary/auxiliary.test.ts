import fc from 'fast-check';
import tf = require('@tensorflow/tfjs');
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { trainingMode } from '../../../../src/engine/fused/ops.js';
import { UserError } from '../../../../src/core/errors.js';
import type { AuxiliaryNet } from '../../../../src/local/axes/auxiliary/auxiliary.js';
import { convolutionalNet } from '../../../../src/local/axes/auxiliary/convolutional.js';
import { dglNet } from '../../../../src/local/axes/auxiliary/dgl.js';
import { pooledLinear, poolWithin } from '../../../../src/local/axes/auxiliary/pooled.js';
import type { Site } from '../../../../src/local/site.js';
import { disposeLayer } from '../../../../src/nn/layer.js';
import { rootScope } from '../../../../src/nn/parameters.js';
import { disposeNetwork, type Network } from '../../../../src/networks/network.js';
import { resnetCifar } from '../../../../src/networks/resnet-cifar.js';
import { startEngine } from '../../../support/engine.js';

let network: Network;
beforeAll(async () => {
  await startEngine();
  network = resnetCifar({ layers: 8, classes: 10, imageShape: [32, 32, 3], seed: 1 });
});
afterAll(() => {
  disposeNetwork(network);
});

const siteOf = (channels: number, size: number): Site => ({
  network,
  unit: network.units[0]!,
  features: { height: size, width: size, channels },
  position: 0,
  blocks: 4,
});

/** Shapes of a net's parameters by name, and of what it makes of two samples. */
function describeNet(net: AuxiliaryNet, channels: number, size: number, outputs = 10, width = size) {
  const site = siteOf(channels, size);
  const features = { ...site.features, width };
  const layer = net(rootScope(1, 'n'), { ...site, features }, outputs);
  const shapes = Object.fromEntries(
    layer.parameters.map(({ name, variable }) => [name.slice(2), variable.shape.join('×')]),
  );
  const output = tf.tidy(() => layer.forward(tf.ones([2, size, width, channels]), trainingMode).shape);
  disposeLayer(layer);
  return { shapes, output };
}

describe('convolutional heads', () => {
  test('2c2f of 16 channels', () => {
    const { shapes, output } = describeNet(convolutionalNet('2c2f'), 16, 32);
    expect(shapes).toEqual({
      '0.weight': '3×3×16×32',
      '1.weight': '32',
      '1.bias': '32',
      '3.weight': '3×3×32×32',
      '4.weight': '32',
      '4.bias': '32',
      '8.weight': '32×128',
      '8.bias': '128',
      '10.weight': '128×10',
      '10.bias': '10',
    });
    expect(output).toEqual([2, 10]);
  });

  test.each([
    ['0c1f', 32, ['2.weight']],
    ['0c2f', 16, ['2.weight', '4.weight']],
    ['1c1f', 64, ['0.weight', '1.weight', '5.weight']],
    ['1c3f', 32, ['0.weight', '1.weight', '5.weight', '7.weight', '9.weight']],
  ])('%s numbers its layers as the published code does', (name, channels, weights) => {
    const { shapes } = describeNet(convolutionalNet(name), channels, 8);
    expect(Object.keys(shapes).filter((key) => key.endsWith('weight'))).toEqual(weights);
  });

  test('keep 64 channels at full size', () => {
    expect(describeNet(convolutionalNet('1c1f'), 64, 8).shapes['0.weight']).toBe('3×3×64×64');
  });

  test('widths can be set', () => {
    const { shapes } = describeNet(convolutionalNet('1c2f', { features: 32, widen: 1.5 }), 16, 8, 20);
    expect([shapes['0.weight'], shapes['5.weight'], shapes['7.weight']]).toEqual([
      '3×3×16×48',
      '48×48',
      '48×20',
    ]);
  });

  test('of another form are refused', () => {
    expect(() => convolutionalNet('c2f')).toThrow(UserError);
    expect(() => convolutionalNet('1c0f')).toThrow(/expected <convolutions>c<linear layers>f/);
  });
});

describe("DGL's net", () => {
  test.each([
    [16, 32, 64],
    [32, 16, 128],
    [64, 8, 256],
    [64, 24, 256],
    [16, 96, 64],
    [64, 4, 64],
    [64, 14, 256],
  ])('of %i channels at %i has dense layers of %i', (channels, size, width) => {
    const { shapes, output } = describeNet(dglNet, channels, size);
    expect(shapes['1.weight']).toBe(`1×1×${channels}×${channels}`);
    expect(shapes['12.weight']).toBe(`${width}×${width}`);
    expect(shapes['18.weight']).toBe(`${width}×10`);
    expect(shapes).not.toHaveProperty(['12.bias']);
    expect(output).toEqual([2, 10]);
  });
});

describe('maps that are not square', () => {
  test('DGL pools each side by its own size', () => {
    // 5×12: ⌈5/4⌉×3 cells, then 2×2.
    const { shapes, output } = describeNet(dglNet, 16, 5, 10, 12);
    expect(shapes['12.weight']).toBe('64×64');
    expect(output).toEqual([2, 10]);
    expect(describeNet(dglNet, 16, 4, 10, 12).shapes['12.weight']).toBe('32×32');
  });

  test('PredSim pools until it fits, a side after the other', () => {
    expect(poolWithin({ height: 2, width: 64, channels: 32 }, 64)).toMatchObject({
      window: [32, 32],
      inputs: 64,
    });
    expect(describeNet(pooledLinear(64), 32, 2, 10, 64).output).toEqual([2, 10]);
  });
});

describe("PredSim's pool", () => {
  test.each([
    // 16·32·32: the height and the width double in turn until 16·4·8.
    [16, 32, [8, 4], [0, 0], 512],
    [32, 16, [4, 4], [0, 0], 512],
    [64, 8, [4, 2], [0, 0], 512],
    [16, 96, [32, 16], [0, 0], 288],
    // ⌈24/16⌉ = 2 rows of windows of 16 need 8 zeros at either end.
    [64, 24, [16, 8], [8, 0], 384],
    [64, 2, [1, 1], [0, 0], 256],
  ] as const)('of %i channels at %i has windows of %j', (channels, size, window, padding, inputs) => {
    expect(poolWithin({ height: size, width: size, channels }, 512)).toEqual({ window, padding, inputs });
    const { shapes, output } = describeNet(pooledLinear(512), channels, size);
    expect(shapes['2.weight']).toBe(`${inputs}×10`);
    expect(output).toEqual([2, 10]);
  });

  test('fits the limit, and its windows cover the map', () => {
    const choice = fc.record({
      channels: fc.integer({ min: 1, max: 256 }),
      size: fc.integer({ min: 1, max: 100 }),
    });
    fc.assert(
      fc.property(choice, ({ channels, size }) => {
        const { window, padding, inputs } = poolWithin({ height: size, width: size, channels }, 512);
        expect(inputs).toBeLessThanOrEqual(Math.max(512, channels));
        const cells = window.map((step, i) => Math.floor((size + 2 * padding[i]! - step) / step) + 1);
        expect(channels * cells[0]! * cells[1]!).toBe(inputs);
      }),
    );
  });
});
