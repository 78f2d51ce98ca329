import tf = require('@tensorflow/tfjs');
import { beforeAll, expect, test } from 'vitest';
import { evaluationMode, trainingMode } from '../../src/engine/fused/ops.js';
import { networkWeights } from '../../src/networks/export.js';
import { disposeNetwork, networkForward } from '../../src/networks/network.js';
import { vgg } from '../../src/networks/vgg.js';
import { startEngine } from '../support/engine.js';

beforeAll(() => startEngine());

test('weights have PyTorch’s keys, with the training passes of each batch norm, and no others', () => {
  const network = vgg({ layers: 13, head: 'pooled', classes: 3, imageShape: [32, 32, 3], seed: 1 });
  tf.tidy(() => {
    for (const mode of [trainingMode, evaluationMode, trainingMode])
      networkForward(network, tf.ones([2, 32, 32, 3]), mode);
  });
  const weights = networkWeights(network);
  expect([...weights.keys()].filter((name) => name.startsWith('features.1.')).sort()).toEqual([
    'features.1.bias',
    'features.1.num_batches_tracked',
    'features.1.running_mean',
    'features.1.running_var',
    'features.1.weight',
  ]);
  expect(weights.get('features.1.num_batches_tracked')).toEqual({ shape: [], values: BigInt64Array.of(2n) });
  expect(weights.get('features.0.weight')!.shape).toEqual([64, 3, 3, 3]);
  // 10 convolutions with bias, their batch norms, and the classifier.
  expect(weights.size).toBe(10 * (2 + 5) + 2);
  disposeNetwork(network);
});
