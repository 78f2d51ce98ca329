import tf = require('@tensorflow/tfjs');
import { beforeAll, describe, expect, test } from 'vitest';
import { check } from '../../src/core/schema-problems.js';
import { buildNetwork } from '../../src/networks/build.js';
import { disposeNetwork } from '../../src/networks/network.js';
import { networkOptionsSchema, type NetworkOptionsInput } from '../../src/networks/options.js';
import { startEngine } from '../support/engine.js';

/** Every problem, on a line each. */
function problemsOf(options: unknown): string[] {
  const result = check(networkOptionsSchema, options);
  return 'problems' in result
    ? result.problems.map(({ path, message }) => `${path.join('.')}: ${message}`)
    : [];
}

test.each<[NetworkOptionsInput, string]>([
  [{ name: 'resnet', layers: 8 }, 'resnet-8'],
  [{ name: 'resnet-imagenet', layers: 18 }, 'resnet-imagenet-18'],
  [{ name: 'vgg', layers: 13, head: 'pooled' }, 'vgg-13'],
  [{ name: 'vit', width: 24 }, 'vit-6'],
])('%j builds %s', async (options, name) => {
  await startEngine();
  const before = tf.memory().numTensors;
  const network = buildNetwork(networkOptionsSchema.parse(options), {
    classes: 10,
    imageShape: [32, 32, 3],
    seed: 1,
  });
  expect(network.name).toBe(name);
  disposeNetwork(network);
  expect(tf.memory().numTensors).toBe(before);
});

describe('the network section', () => {
  beforeAll(() => startEngine());

  test('has torchvision’s head and ViT’s small sizes by default', () => {
    expect(networkOptionsSchema.parse({ name: 'vgg', layers: 19 })).toEqual({
      name: 'vgg',
      layers: 19,
      head: 'torchvision',
    });
    expect(networkOptionsSchema.parse({ name: 'vit' })).toEqual({
      name: 'vit',
      patchSize: 4,
      layers: 6,
      width: 192,
      heads: 3,
    });
    expect(networkOptionsSchema.parse({ name: 'resnext-imagenet' })).toEqual({
      name: 'resnext-imagenet',
      layers: 101,
    });
  });

  test.each<[unknown, RegExp]>([
    [{ name: 'resnet', layers: 18 }, /^layers: must be 6m\+2/],
    [{ name: 'resnet-imagenet', layers: 20 }, /^layers: must be one of 18, 34, 50, 101, 152, not 20/],
    [{ name: 'resnext-imagenet', layers: 50 }, /^layers: must be 101, not 50/],
    [{ name: 'vgg', layers: 16 }, /^layers: must be one of 13, 19, not 16/],
    [{ name: 'vgg', layers: 13, head: 'full' }, /^head: must be one of torchvision, pooled, not "full"/],
    [{ name: 'vit', width: 100 }, /^heads: must divide network.width/],
    [{ name: 'vit', patchSize: 0 }, /^patchSize: /],
    [{ name: 'vit', mlpwidth: 8 }, /^mlpwidth: unknown key \(did you mean "mlpWidth"\?\)/],
    [{ name: 'resnet-imagnet', layers: 18 }, /^name: .*did you mean "resnet-imagenet"/],
  ])('%j is refused: %s', (options, message) => {
    expect(problemsOf(options)).toEqual([expect.stringMatching(message)]);
  });
});
