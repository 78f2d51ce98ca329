import tf = require('@tensorflow/tfjs');
import { beforeAll, describe, expect, test } from 'vitest';
import { disposeNetwork } from '../../../src/networks/network.js';
import { readGoldenFile } from '../../../src/parity/golden-file.js';
import { goldenStrategyOptions } from '../../../src/parity/golden-options.js';
import { checkParity } from '../../../src/parity/parity.js';
import { hasTorch, startEngine } from '../../support/engine.js';
import { tinyNetwork } from '../../support/tiny.js';

const folder = 'test/fixtures/golden/sharp';

beforeAll(async () => {
  await startEngine();
});

describe.skipIf(!hasTorch)('the published run', () => {
  test.each(['e', 'r1e'])(
    'contsup-resnet32-k16-%s, contexts and their running statistics included',
    (mode) => {
      const golden = readGoldenFile(`${folder}/contsup-resnet32-k16-${mode}.json`);
      expect(golden.running).toHaveProperty(['cont_sup_node.encoder_14.encoder.4.running_var']);
      const tensors = tf.memory().numTensors;
      expect(checkParity(golden)).toMatchObject({ rule: 'sharp', missing: [], surplus: [], pass: true });
      expect(tf.memory().numTensors).toBe(tensors);
    },
  );
});

test('settings are ours; the weights count with the reconstruction alone', () => {
  const golden = readGoldenFile(`${folder}/contsup-resnet32-k16-e.json`);
  const network = tinyNetwork(32);
  const translated = (options: object) =>
    goldenStrategyOptions({ ...golden, options: { ...golden.options, ...options } }, network);
  expect(translated({})).toMatchObject({ method: 'contsup', blocks: 16, context: 'E', auxiliary: '1c2f' });
  expect(translated({})).not.toHaveProperty('reconstruction');
  expect(translated({ h_reconstruct: true, context_mode: 'R4' })).toMatchObject({
    ...{ context: 'R4', reconstruction: [5, 0.2], classification: [0.05, 0.5] },
  });
  expect(() => translated({ context_mode: 'R3' })).toThrow(/context_mode/);
  disposeNetwork(network);
});
