import tf = require('@tensorflow/tfjs');
import { beforeAll, describe, expect, test } from 'vitest';
import { createBatch, type Batch } from '../../src/local/batch.js';
import type { StrategyOptionsInput } from '../../src/local/options.js';
import { buildNetwork } from '../../src/networks/build.js';
import { networkOptionsSchema, type NetworkOptionsInput } from '../../src/networks/options.js';
import { randomStream } from '../../src/core/random.js';
import { torchEngine } from '../support/device.js';
import { hasTorch, startEngine } from '../support/engine.js';
import { sampleOf } from '../support/fuzz.js';
import { tinyRun } from '../support/tiny.js';

const classes = 3;
const size = 32;

/** Images whose classes differ by a constant, so that they can be learned. */
function batchOf(count: number): Batch {
  const random = randomStream(1, 'training');
  const labels = Uint16Array.from({ length: count }, (_, i) => i % classes);
  const pixels = size * size * 3;
  const images = Float32Array.from(
    { length: count * pixels },
    (_, i) => 0.5 * random.uniform() + 0.2 * labels[Math.floor(i / pixels)]!,
  );
  const normalization = { mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25] };
  return createBatch(images, labels, [size, size, 3], classes, normalization);
}

/** Losses of each update at every step; nothing may be left when the run is over. */
function lossesOf(
  network: NetworkOptionsInput,
  method: StrategyOptionsInput,
  { steps, images, rate }: { steps: number; images: number; rate: number },
): (readonly number[])[] {
  const before = tf.memory().numTensors;
  const built = buildNetwork(networkOptionsSchema.parse(network), {
    classes,
    imageShape: [size, size, 3],
    seed: 1,
  });
  const run = tinyRun(method, built);
  const losses: (readonly number[])[] = [];
  for (let step = 0; step < steps; step++) {
    tf.tidy(() => {
      losses.push(run.step(batchOf(images), rate).losses);
    });
  }
  run.dispose();
  expect(tf.memory().numTensors).toBe(before);
  return losses;
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

describe.skipIf(!hasTorch)('on torch', () => {
  beforeAll(() => startEngine(torchEngine));

  test.each<StrategyOptionsInput>([
    { method: 'bp' },
    { method: 'auglocal', depth: 2 },
    { method: 'infopro', blocks: 3, auxiliary: '1c1f' },
    { method: 'man', blocks: 3, auxiliary: '0c1f' },
    { method: 'hpff', blocks: 3, auxiliary: '0c1f' },
  ])('a small Transformer learns by $method', (method) => {
    const network = { name: 'vit', patchSize: 8, layers: 4, width: 24, heads: 2 } as const;
    const losses = lossesOf(network, method, { steps: 6, images: 6, rate: 0.02 });
    expect(sum(losses[5]!)).toBeLessThan(sum(losses[0]!));
  });

  const learners: readonly (readonly [NetworkOptionsInput, StrategyOptionsInput])[] = [
    [{ name: 'resnet-imagenet', layers: 18 }, { method: 'bp' }],
    [
      { name: 'resnet-imagenet', layers: 18 },
      { method: 'auglocal', depth: 1, blocks: 3 },
    ],
    [{ name: 'vgg', layers: 13, head: 'pooled' }, { method: 'bp' }],
    [
      { name: 'vgg', layers: 13, head: 'pooled' },
      { method: 'auglocal', depth: 1, blocks: 3 },
    ],
  ];
  test.each(sampleOf(learners, 2))('%j learns by %j', (network, method) => {
    const losses = lossesOf(network, method, { steps: 4, images: 6, rate: 0.001 });
    expect(sum(losses[3]!)).toBeLessThan(sum(losses[0]!));
  });
});
