import fc from 'fast-check';
import tf = require('@tensorflow/tfjs');
import { describe, expect, test } from 'vitest';
import {
  pyramidDepth,
  sampledIndices,
  sampledUnits,
  type SampledClassifier,
} from '../../../../src/local/axes/auxiliary/sampled.js';
import type { Site } from '../../../../src/local/site.js';
import { trainingMode } from '../../../../src/engine/fused/ops.js';
import { disposeLayer } from '../../../../src/nn/layer.js';
import { rootScope } from '../../../../src/nn/parameters.js';
import { disposeNetwork, type Network } from '../../../../src/networks/network.js';
import { resnetCifar } from '../../../../src/networks/resnet-cifar.js';
import { startEngine } from '../../../support/engine.js';

await startEngine('cpu');

const imageShape = [32, 32, 3] as const;
const siteAt = (network: Network, index: number, blocks: number): Site => ({
  network,
  unit: network.units[index]!,
  features: network.units[index]!.output,
  position: index,
  blocks,
});
const at = (position: number, blocks: number): Site => ({ position, blocks }) as Site;

describe('pyramid depth, by hand from METHODS: max(1, round(d(1 − t) + t)), t = l·c / (K′ − 2)', () => {
  test('ResNet-32, K 16, d 2: K′ 14, 2 − l/24 falls to 1.5 at the last, which rounds to 2', () => {
    const depths = Array.from({ length: 13 }, (_, l) => pyramidDepth({ depth: 2, pyramid: 0.5 }, at(l, 14)));
    expect(depths).toEqual(new Array(13).fill(2));
  });

  test('ResNet-110, K 55, d 3: K′ 52, 3 − l/50 is 2.5 at l = 25, which rounds to 2', () => {
    const depths = Array.from({ length: 51 }, (_, l) => pyramidDepth({ depth: 3, pyramid: 0.5 }, at(l, 52)));
    expect(depths).toEqual([...new Array<number>(25).fill(3), ...new Array<number>(26).fill(2)]);
  });

  test('a whole pyramid ends at depth 1, none keeps the depth', () => {
    expect(pyramidDepth({ depth: 5, pyramid: 1 }, at(10, 12))).toBe(1);
    expect(pyramidDepth({ depth: 5, pyramid: 0 }, at(10, 12))).toBe(5);
    expect(pyramidDepth({ depth: 5, pyramid: 1 }, at(0, 2))).toBe(5);
  });

  test('falls along the blocks and stays between 1 and d', () => {
    const sizes = fc.record({
      depth: fc.integer({ min: 1, max: 12 }),
      pyramid: fc.double({ min: 0, max: 1, noNaN: true }),
      blocks: fc.integer({ min: 2, max: 60 }),
    });
    fc.assert(
      fc.property(sizes, ({ depth, pyramid, blocks }) => {
        const depths = Array.from({ length: blocks - 1 }, (_, l) =>
          pyramidDepth({ depth, pyramid }, at(l, blocks)),
        );
        depths.forEach((value, l) => {
          expect(value).toBeLessThanOrEqual(l === 0 ? depth : depths[l - 1]!);
          expect(value).toBeGreaterThanOrEqual(1);
        });
      }),
    );
  });
});

describe('sampled units, by hand: { round(l + (L − l − 1) / δ · i) : i = 1…δ }', () => {
  test('of 16, two', () => {
    // l = 0: 7.5 → 8 (even), 15. l = 2: 8.5 → 8 (even), 15. l = 4: 9.5 → 10, 15. l = 12: 13.5 → 14, 15.
    expect([0, 1, 2, 3, 4, 12].map((l) => sampledIndices(l, 16, 2))).toEqual([
      [8, 15],
      [8, 15],
      [8, 15],
      [9, 15],
      [10, 15],
      [14, 15],
    ]);
  });

  test('of 55, three', () => {
    // l = 0: 18, 36, 54. l = 1: 18.67, 36.33, 54.
    expect(sampledIndices(0, 55, 3)).toEqual([18, 36, 54]);
    expect(sampledIndices(1, 55, 3)).toEqual([19, 36, 54]);
  });

  test('all that follow where there are no more than δ', () => {
    expect(sampledIndices(12, 16, 3)).toEqual([13, 14, 15]);
    expect(sampledIndices(14, 16, 3)).toEqual([15]);
    expect(sampledIndices(15, 16, 3)).toEqual([]);
  });

  test('rise, follow the unit, and end with the last', () => {
    const choice = fc.record({
      units: fc.integer({ min: 2, max: 60 }),
      depth: fc.integer({ min: 1, max: 12 }),
      share: fc.double({ min: 0, max: 0.999, noNaN: true }),
    });
    fc.assert(
      fc.property(choice, ({ units, depth, share }) => {
        const from = Math.floor(share * (units - 1));
        const indices = sampledIndices(from, units, depth);
        expect(indices).toHaveLength(Math.min(depth, units - 1 - from));
        expect(indices.at(-1)).toBe(units - 1);
        indices.forEach((index, i) => expect(index).toBeGreaterThan(i === 0 ? from : indices[i - 1]!));
      }),
    );
  });
});

describe('the net', () => {
  const network = resnetCifar({ layers: 32, classes: 10, imageShape, seed: 1 });
  const shapesOf = (index: number, depth: number, classifier?: SampledClassifier): [string, string][] => {
    const options = { depth, pyramid: 0, ...(classifier === undefined ? {} : { classifier }) };
    const net = sampledUnits(options)(rootScope(1, 'x'), siteAt(network, index, 14), 10);
    const shapes = net.parameters
      .filter(({ name }) => /conv1|downsample\.0|\.weight/.test(name))
      .map(({ name, variable }): [string, string] => [name.slice(2), variable.shape.join('×')]);
    disposeLayer(net);
    return shapes;
  };

  test('copies residual units of the widths sampled, then pools and classifies', () => {
    const shapes = Object.fromEntries(shapesOf(0, 2));
    expect(shapes['0.conv1.weight']).toBe('3×3×16×32');
    expect(shapes['0.downsample.0.weight']).toBe('1×1×16×32');
    expect(shapes['1.conv1.weight']).toBe('3×3×32×64');
    expect(shapes['4.weight']).toBe('64×10');
  });

  test('of depth 1 jumps from 16 to 64 channels and has a BN before the classifier', () => {
    const shapes = Object.fromEntries(shapesOf(0, 1));
    expect(shapes['0.conv1.weight']).toBe('3×3×16×64');
    expect(shapes['3.weight']).toBe('64');
    expect(shapes['4.weight']).toBe('64×10');
  });

  test('of depth 1 has no BN before the classifier in ImageNet’s', () => {
    const shapes = Object.fromEntries(shapesOf(0, 1, 'imagenet'));
    expect(shapes['3.weight']).toBe('64×10');
    expect(shapes).not.toHaveProperty(['4.weight']);
  });

  test('has three linear layers on 512 numbers in VGG’s tail, whatever the map', () => {
    const shapes = Object.fromEntries(shapesOf(0, 1, 'vgg'));
    const weights = ['3.weight', '4.weight', '6.weight', '7.weight', '9.weight'].map((name) => shapes[name]);
    expect(weights).toEqual(['512×512', '512', '512×512', '512', '512×10']);
    const net = sampledUnits({ depth: 1, pyramid: 0, classifier: 'vgg' })(
      rootScope(1, 'x'),
      siteAt(network, 0, 14),
      10,
    );
    // 64 channels of 8×8, 5×7 and 1×1: more than 512 numbers, a number that 512 does not divide, and fewer.
    const sizes = [
      [16, 16],
      [9, 13],
      [2, 2],
    ] as const;
    for (const [height, width] of sizes) {
      const output = tf.tidy(() => net.forward(tf.ones([2, height, width, 16]), trainingMode).shape);
      expect(output).toEqual([2, 10]);
    }
    disposeLayer(net);
  });

  test('halves the map once for each doubling of the width: what a jump leaves, at the next layer', () => {
    const strides: number[] = [];
    const watched: Network = {
      ...network,
      buildUnit: (scope, options) => {
        strides.push(options.stride);
        return network.buildUnit(scope, options);
      },
    };
    const stridesFrom = (index: number, depth: number, widths?: readonly number[]): number[] => {
      strides.length = 0;
      const units = watched.units.map((unit, i) => ({
        ...unit,
        output: { ...unit.output, channels: widths?.[i] ?? unit.output.channels },
      }));
      const net = sampledUnits({ depth, pyramid: 0 })(
        rootScope(1, 'x'),
        siteAt({ ...watched, units }, index, 14),
        10,
      );
      disposeLayer(net);
      return [...strides];
    };
    expect(stridesFrom(0, 2)).toEqual([2, 2]);
    expect(stridesFrom(0, 1)).toEqual([2]);
    expect(stridesFrom(9, 2)).toEqual([2, 1]);
    // 16 → 64 → 64: the second halving comes with the second block.
    const jump = network.units.map((_, i) => (i < 8 ? 16 : 64));
    expect(stridesFrom(0, 2, jump)).toEqual([2, 2]);
    expect(stridesFrom(0, 5, jump)).toEqual([1, 1, 2, 2, 1]);
  });

  test('has nothing but pool and classifier where no unit follows', () => {
    expect(shapesOf(15, 2)).toEqual([['2.weight', '64×10']]);
    disposeNetwork(network);
  });
});
