import tf = require('@tensorflow/tfjs');
import { beforeAll, describe, expect, test } from 'vitest';
import type { Batch } from '../../../../src/local/batch.js';
import { convolutionalNet } from '../../../../src/local/axes/auxiliary/convolutional.js';
import { convolutionalDecoder } from '../../../../src/local/axes/decoder/convolutional.js';
import { averagedPatches } from '../../../../src/local/axes/fusion/patch-average.js';
import { patchReconstruction } from '../../../../src/local/axes/fusion/patches.js';
import { reconstruction } from '../../../../src/local/axes/loss/reconstruction.js';
import { binaryCrossEntropy } from '../../../../src/local/axes/loss/binary-cross-entropy.js';
import type { AttachedLoss } from '../../../../src/local/axes/loss/loss.js';
import type { Site } from '../../../../src/local/site.js';
import { disposeLayer, trainableVariables } from '../../../../src/nn/layer.js';
import { rootScope, type Parameter } from '../../../../src/nn/parameters.js';
import { trainingMode } from '../../../../src/engine/fused/ops.js';
import { disposeNetwork } from '../../../../src/networks/network.js';
import { resnetCifar } from '../../../../src/networks/resnet-cifar.js';
import { startEngine } from '../../../support/engine.js';
import { sum } from '../../../support/numeric.js';
import { tinyBatch, tinyNetwork } from '../../../support/tiny.js';

beforeAll(async () => {
  await startEngine();
});

function siteOf(network: ReturnType<typeof tinyNetwork>, unit: number): Site {
  return {
    network,
    unit: network.units[unit]!,
    features: network.units[unit]!.output,
    position: unit,
    blocks: network.units.length,
  };
}

const features = (channels = 16): tf.Tensor4D => tf.randomUniform([4, 8, 8, channels], 0, 1, 'float32', 7);

describe('reconstruction by patches', () => {
  test('sums four losses, each of a quadrant through its own decoder', () => {
    const network = tinyNetwork();
    const attached = patchReconstruction(convolutionalDecoder(), rootScope(1), siteOf(network, 1));
    expect(attached.layers).toHaveLength(4);
    tf.tidy(() => {
      const batch = tinyBatch(4);
      // A decoder whose last convolution is zero predicts 0.5 everywhere: a loss of ln 2 for any target.
      const last = (layer: (typeof attached.layers)[number]): readonly Parameter[] =>
        layer.parameters.slice(-2);
      for (const { variable } of attached.layers.flatMap(last))
        variable.assign(tf.zerosLike(variable as tf.Tensor));
      expect(attached.loss(features(), batch).dataSync()[0]).toBeCloseTo(4 * Math.LN2, 5);
    });
    attached.layers.forEach(disposeLayer);
    disposeNetwork(network);
  });

  test('a decoder sees its own quadrant alone', () => {
    const network = tinyNetwork();
    const attached = patchReconstruction(convolutionalDecoder(), rootScope(1), siteOf(network, 1));
    tf.tidy(() => {
      const batch = tinyBatch(4);
      const gradients = (x: tf.Tensor4D): number[][] => {
        const { grads } = tf.variableGrads(
          () => attached.loss(x, batch),
          trainableVariables(attached.layers),
        );
        return attached.layers.map((layer) => [...grads[layer.parameters[0]!.variable.name]!.dataSync()]);
      };
      const before = gradients(features());
      const bottomLeft = tf.pad(tf.ones<tf.Rank.R4>([4, 4, 4, 16]), [
        [0, 0],
        [4, 0],
        [0, 4],
        [0, 0],
      ]);
      // Both the decoders' BN and their loss are of one quadrant: the others do not notice.
      const after = gradients(tf.add(features(), bottomLeft));
      expect([0, 1, 3].map((quadrant) => after[quadrant])).toEqual(
        [0, 1, 3].map((quadrant) => before[quadrant]),
      );
      expect(after[2]).not.toEqual(before[2]);
    });
    attached.layers.forEach(disposeLayer);
    disposeNetwork(network);
  });

  test('of an odd size is refused', () => {
    const network = tinyNetwork();
    const site = siteOf(network, 1);
    const odd = { ...site, features: { ...site.features, height: 5, width: 5 } };
    expect(() => patchReconstruction(convolutionalDecoder(), rootScope(1), odd)).toThrow(
      /halves height and width, but the features are 5×5; use fusion 'whole'/,
    );
    disposeNetwork(network);
  });
});

describe('averaged patches', () => {
  test('are the mean of what the net makes of each quadrant', () => {
    const network = tinyNetwork();
    const net = averagedPatches(convolutionalNet('0c1f'))(rootScope(1), siteOf(network, 1), 10);
    const whole = convolutionalNet('0c1f')(rootScope(1), siteOf(network, 1), 10);
    tf.tidy(() => {
      // Pool and linear layer are linear: the mean over quadrants is that over the map.
      const difference = tf.sub(
        net.forward(features(), trainingMode),
        whole.forward(features(), trainingMode),
      );
      expect(tf.max(tf.abs(difference)).dataSync()[0]).toBeLessThan(1e-5);
    });
    [net, whole].forEach(disposeLayer);
    disposeNetwork(network);
  });

  test('give the net features of a quarter of the map', () => {
    const network = tinyNetwork();
    const shapes: number[][] = [];
    const net = averagedPatches((_scope, site) => {
      shapes.push([site.features.height, site.features.width]);
      return {
        parameters: [],
        buffers: [],
        forward(x) {
          shapes.push(x.shape.slice(1, 3));
          return tf.mean(x, [1, 2]);
        },
      };
    })(rootScope(1), siteOf(network, 1), 10);
    tf.tidy(() => net.forward(features(), trainingMode));
    expect(shapes).toEqual(new Array(5).fill([4, 4]));
    disposeNetwork(network);
  });
});

test('summed quadrants are those of one decoder’s image', () => {
  const network = tinyNetwork();
  const parts = { auxiliary: convolutionalNet('0c1f') };
  const build = (fusion: 'whole' | 'patch-sum'): AttachedLoss =>
    reconstruction().attach(rootScope(1), siteOf(network, 1), { ...parts, fusion });
  const [whole, summed] = [build('whole'), build('patch-sum')];
  tf.tidy(() => {
    const batch = tinyBatch(4);
    const logits = whole.layers[0]!.forward(features(), trainingMode);
    const pixels = batch.pixels();
    const quadrants = [
      [0, 0],
      [0, 4],
      [4, 0],
      [4, 4],
    ].map(([row, column]) => {
      const part = (x: tf.Tensor): tf.Tensor => tf.slice(x, [0, row!, column!, 0], [-1, 4, 4, -1]);
      return binaryCrossEntropy(part(logits), part(pixels)).dataSync()[0]!;
    });
    expect(summed.layers).toHaveLength(1);
    expect(summed.loss(features(), batch).dataSync()[0]).toBeCloseTo(sum(quadrants), 4);
  });
  [...whole.layers, ...summed.layers].forEach(disposeLayer);
  disposeNetwork(network);
});

test('patches of maps and images that are not square are halves of each side', () => {
  const network = resnetCifar({ layers: 8, classes: 4, imageShape: [8, 12, 3], seed: 1 });
  const attached = patchReconstruction(convolutionalDecoder(4), rootScope(1), siteOf(network, 2));
  tf.tidy(() => {
    const pixels = tf.fill<tf.Rank.R4>([4, 8, 12, 3], 0.5);
    const batch: Batch = { ...tinyBatch(4), images: pixels, pixels: () => pixels };
    const map = tf.randomUniform<tf.Rank.R4>([4, 4, 6, 32], 0, 1, 'float32', 7);
    const gradient = tf.grad((x) => attached.loss(x as tf.Tensor4D, batch))(map);
    // Every pixel of the map is in one of the four.
    expect(tf.min(tf.max(tf.abs(gradient), [0, 3])).dataSync()[0]).toBeGreaterThan(0);
  });
  attached.layers.forEach(disposeLayer);
  disposeNetwork(network);
});

test('a whole reconstruction has one decoder', () => {
  const network = tinyNetwork();
  const parts = { auxiliary: convolutionalNet('0c1f'), fusion: 'whole' } as const;
  const attached = reconstruction().attach(rootScope(1), siteOf(network, 1), parts);
  expect(attached.layers).toHaveLength(1);
  expect(attached.layers[0]!.parameters.map(({ name, variable }) => [name, variable.shape])).toEqual([
    ['decoder.0.weight', [3, 3, 16, 12]],
    ['decoder.0.bias', [12]],
    ['decoder.1.weight', [12]],
    ['decoder.1.bias', [12]],
    ['decoder.3.weight', [3, 3, 12, 3]],
    ['decoder.3.bias', [3]],
  ]);
  attached.layers.forEach(disposeLayer);
  disposeNetwork(network);
});
