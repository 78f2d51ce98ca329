import { afterAll, describe, expect, test } from 'vitest';
import type { GoldenFile } from '../../src/parity/golden-file.js';
import { goldenImageOptions, goldenStrategyOptions } from '../../src/parity/golden-options.js';
import { disposeNetwork } from '../../src/networks/network.js';
import { resnetCifar } from '../../src/networks/resnet-cifar.js';
import { resnetImagenet } from '../../src/networks/resnet-imagenet.js';
import { startEngine } from '../support/engine.js';

await startEngine('cpu');
const network = resnetCifar({ layers: 32, classes: 10, imageShape: [32, 32, 3], seed: 1 });
afterAll(() => {
  disposeNetwork(network);
});

const fileOf = (change: Partial<GoldenFile>): GoldenFile => ({
  method: 'bp',
  layers: 32,
  K: 16,
  depth: 0,
  batch: 8,
  steps: 3,
  learning_rate: 0.05,
  weight_decay: 1e-4,
  options: {},
  loss_trace: [],
  eval_logits: [[0]],
  parameters: {},
  running: {},
  ...change,
});
const optionsOf = (change: Partial<GoldenFile>) => goldenStrategyOptions(fileOf(change), network);
const lambdas = { ixx_1: 5, ixy_1: 0.5, ixx_2: 0.1, ixy_2: 0.2 };

describe('options of the published code', () => {
  test('MAN: weights, head, loss, momentum, ramp along the stages', () => {
    expect(
      optionsOf({
        method: 'man',
        K: 4,
        options: { ...lambdas, momentum: 0.9, aux_net_config: '1c2f', local_loss_mode: 'contrast' },
      }),
    ).toMatchObject({
      method: 'man',
      blocks: 4,
      reconstruction: [5, 0.1],
      classification: [0.5, 0.2],
      auxiliary: '1c2f',
      loss: 'contrast',
      momentum: 0.9,
      ramp: 'stages',
    });
  });

  test('HPFF: stream weights and widths', () => {
    expect(
      optionsOf({
        method: 'hpff',
        K: 8,
        options: { ...lambdas, wx: 0.2, wy: 0.8, aux_net_widen: 2, aux_net_feature_dim: 64 },
      }),
    ).toMatchObject({
      independentWeight: 0.2,
      cascadeWeight: 0.8,
      auxiliary: '2c2f',
      widen: 2,
      decoderWidth: 24,
      featureWidth: 64,
      ramp: 'blocks',
    });
  });

  test('memory-balanced cut points', () => {
    const options = { ...lambdas, balanced_memory: true };
    expect(optionsOf({ method: 'hpff', K: 4, options })).toMatchObject({
      cuts: 'memory-balanced',
      blocks: 4,
    });
  });

  test('on ImageNet MAN and HPFF have decoders of their own', () => {
    const inputs = { classes: 10, imageShape: [224, 224, 3], seed: 1 } as const;
    const resnet = resnetImagenet({ layers: 18, ...inputs });
    const options = { ...lambdas, dataset: 'imagenet', aux_net_config: 'imagenet' };
    try {
      const man = fileOf({ method: 'man', K: 2, options: { ...options, momentum: 0.9 } });
      expect(goldenStrategyOptions(man, resnet)).toMatchObject({
        auxiliary: 'imagenet',
        decoder: 'man-imagenet',
      });
      const hpff = fileOf({ method: 'hpff', K: 4, options: { ...options, wx: 0, wy: 1 } });
      expect(goldenStrategyOptions(hpff, resnet)).toMatchObject({
        decoder: 'hpff-imagenet',
        fusion: 'patch-sum',
        independentWeight: 0,
        cascadeWeight: 1,
      });
    } finally {
      disposeNetwork(resnet);
    }
  });

  test("InfoPro's own head is 1c2f", () => {
    const options = { ...lambdas, aux_net_config: 'InfoPro' };
    expect(optionsOf({ method: 'infopro', options })).toMatchObject({ auxiliary: '1c2f', blocks: 16 });
  });

  test('AugLocal without the pyramid has the same depth everywhere', () => {
    expect(
      optionsOf({ method: 'auglocal', depth: 3, options: { pyramid: false, pyramid_coeff: 0.5 } }),
    ).toEqual({
      method: 'auglocal',
      blocks: 16,
      depth: 3,
      pyramid: 0,
    });
  });

  test("of AugLocal's repository, fewer modules than units are the first units", () => {
    expect(optionsOf({ method: 'greedy', K: 4 })).toEqual({
      method: 'greedy',
      cuts: ['stem', 'layer1.0', 'layer1.1'],
    });
    expect(optionsOf({ method: 'auglocal', K: 6, depth: 2 })).toMatchObject({
      cuts: ['stem', 'layer1.0', 'layer1.1'],
      depth: 2,
    });
  });

  test('one module is end to end, whatever the method', () => {
    expect(optionsOf({ method: 'man', K: 1, options: { ...lambdas, momentum: 0.9 } })).toEqual({
      method: 'bp',
    });
  });

  test.each([
    [{}, 32, 125.3 / 255],
    [{ dataset: 'svhn' }, 32, 0.5],
    [{ dataset: 'stl10' }, 96, 0.5],
    [{ image_size: 96 }, 96, 0.5],
    [{ dataset: 'imagenet' }, 224, 0.485],
    [{ dataset: 'cifar10', image_size: 64 }, 64, 125.3 / 255],
  ])('%j: images of %i pixels, mean %d', (options, size, mean) => {
    const { imageShape, normalization } = goldenImageOptions(fileOf({ options }));
    expect(imageShape).toEqual([size, size, 3]);
    expect(normalization.mean[0]).toBe(mean);
  });

  test.each([
    [
      { aux_net_confg: '1c2f' },
      'options.aux_net_confg: unknown key (did you mean "aux_net_config"?); allowed: ',
    ],
    [{ wx: 0.001 }, 'options.wx: unknown key'],
    [{ batch_size: 4 }, 'options.batch_size: is 4, but batch is 8'],
    [{ class_num: 100 }, 'options.class_num: is 100, but the number of logits is 1'],
  ])('%j is refused', (change, message) => {
    const options = { ...lambdas, momentum: 0.9, batch_size: 8, class_num: 1, ...change };
    for (const K of [1, 4]) {
      const golden = fileOf({ method: 'man', K, options });
      expect(() => goldenImageOptions(golden)).toThrow(message);
    }
  });
});
