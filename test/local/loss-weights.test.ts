import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { buildStrategy } from '../../src/local/build.js';
import { weightNotes } from '../../src/local/loss-weights.js';
import type { StrategyOptionsInput } from '../../src/local/options.js';
import { disposeNetwork, type Network } from '../../src/networks/network.js';
import { resnetCifar } from '../../src/networks/resnet-cifar.js';
import { withoutDrawing } from '../../src/nn/parameters.js';
import { startEngine } from '../support/engine.js';

let resnet32: Network;
let resnet110: Network;
beforeAll(async () => {
  await startEngine();
  const network = (layers: number, size: number): Network =>
    withoutDrawing(() => resnetCifar({ layers, classes: 10, imageShape: [size, size, 3], seed: 1 }));
  resnet32 = network(32, 32);
  resnet110 = network(110, 96);
});
afterAll(() => {
  [resnet32, resnet110].forEach(disposeNetwork);
});

function notesOf(network: Network, options: StrategyOptionsInput): string[] {
  const strategy = withoutDrawing(() => buildStrategy(network, options));
  strategy.dispose();
  return weightNotes(strategy.lossWeights ?? []);
}

describe('notes on loss weights', () => {
  test('of MAN’s published ramp with three memory-balanced blocks: none, then less than nothing', () => {
    expect(notesOf(resnet110, { method: 'man', blocks: 3, cuts: 'memory-balanced', ramp: 'stages' })).toEqual(
      [
        'block 1: loss weight 0 of reconstruction, 0 of classification: its loss trains nothing',
        'block 2: loss weight −5 of reconstruction, −0.5 of classification: training makes that loss larger',
      ],
    );
  });

  test('of MAN’s default ramp: the last auxiliary net', () => {
    expect(notesOf(resnet32, { method: 'man', blocks: 8 })).toEqual([
      'block 7: loss weight 0 of reconstruction, 0 of classification: its loss trains nothing',
    ]);
  });

  test('of InfoPro on ResNet-110: the first classification', () => {
    expect(
      notesOf(resnet110, { method: 'infopro', reconstruction: [5, 0.5], classification: [0, 1] }),
    ).toEqual(['block 1: loss weight 0 of classification: that term trains nothing']);
  });

  test('of a custom loss name its terms', () => {
    expect(
      notesOf(resnet32, {
        method: 'custom',
        blocks: 3,
        loss: ['cross-entropy', { name: 'similarity', weight: [1, 0] }],
      }),
    ).toEqual(['block 2: loss weight 0 of similarity: that term trains nothing']);
  });

  test.each<StrategyOptionsInput>([
    { method: 'bp' },
    { method: 'dgl', blocks: 4 },
    { method: 'predsim', blocks: 4 },
    { method: 'infopro', blocks: 4 },
    { method: 'hpff', blocks: 16 },
    { method: 'man', blocks: 16, ramp: 'stages' },
  ])('of %j: there are none', (options) => {
    expect(notesOf(resnet32, options)).toEqual([]);
  });
});
