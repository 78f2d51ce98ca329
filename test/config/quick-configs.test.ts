import { afterAll, expect, it } from 'vitest';
import { comparedMethods, loadConfig } from '../../src/config/config.js';
import { labelOf } from '../../src/config/method-config.js';
import { buildMethod } from '../../src/local/build.js';
import { weightNotes } from '../../src/local/loss-weights.js';
import { disposeNetwork } from '../../src/networks/network.js';
import { resnetCifar } from '../../src/networks/resnet-cifar.js';
import { startEngine } from '../support/engine.js';

await startEngine('cpu');
const network = resnetCifar({ layers: 32, classes: 10, imageShape: [8, 8, 3], seed: 1 });
afterAll(() => disposeNetwork(network));

it.each(['demo', 'cifar10-quick', 'quick/fashion-mnist', 'quick/stl10', 'quick/svhn'])(
  '%s has no block that nothing trains',
  async (name) => {
    const { config } = await loadConfig(`configs/${name}.yaml`, [], []);
    const notes = comparedMethods(config).flatMap((method) => {
      const strategy = buildMethod(network, method);
      strategy.dispose();
      return weightNotes(strategy.lossWeights ?? []).map((note) => `${labelOf(method)}: ${note}`);
    });
    expect(notes).toEqual([]);
  },
);
