import { afterAll, beforeAll, expect, test } from 'vitest';
import { UserError } from '../../src/core/errors.js';
import { networkWeights } from '../../src/networks/export.js';
import { loadWeights } from '../../src/networks/import.js';
import { disposeNetwork, networkCounters, type Network } from '../../src/networks/network.js';
import type { SafeTensor } from '../../src/formats/safetensors.js';
import { startEngine } from '../support/engine.js';
import { tinyNetwork } from '../support/tiny.js';

let network: Network;
let other: Network;
beforeAll(async () => {
  await startEngine();
  network = tinyNetwork(8, 1);
  other = tinyNetwork(8, 2);
});
afterAll(() => [network, other].forEach(disposeNetwork));

test('weights that were taken out go in again, counters included', () => {
  networkCounters(other).forEach((counter, i) => (counter.value = i + 1));
  const weights = networkWeights(other);
  expect(networkWeights(network)).not.toEqual(weights);
  loadWeights(network, weights, 'file');
  expect(networkWeights(network)).toEqual(weights);
});

const bias = 'fc.bias';
test.each<[string, (weights: Map<string, SafeTensor>) => unknown, RegExp]>([
  [
    'one missing',
    (weights) => weights.delete(bias),
    /file: not the weights of this resnet-8: fc.bias is missing/,
  ],
  [
    'an unknown one',
    (weights) => weights.set('layer9.weight', { shape: [1], values: new Float32Array(1) }),
    /it has no layer9.weight/,
  ],
  [
    'another shape',
    (weights) => weights.set(bias, { shape: [5], values: new Float32Array(5) }),
    /fc.bias has shape \[5\] instead of \[4\]/,
  ],
  [
    'another type',
    (weights) => weights.set(bias, { shape: [4], values: new Float64Array(4) }),
    /fc.bias is not of type F32/,
  ],
  [
    'a counter that is none',
    (weights) => weights.set('bn1.num_batches_tracked', { shape: [], values: new Float32Array(1) }),
    /bn1.num_batches_tracked is not one number/,
  ],
])('refuses weights with %s, and changes nothing', (_, change, message) => {
  const before = networkWeights(network);
  const weights = new Map(networkWeights(tinyNetwork(8, 3)));
  change(weights);
  expect(() => loadWeights(network, weights, 'file')).toThrow(UserError);
  expect(() => loadWeights(network, weights, 'file')).toThrow(message);
  expect(networkWeights(network)).toEqual(before);
});
