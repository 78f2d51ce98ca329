import tf = require('@tensorflow/tfjs');
import { beforeAll, describe, expect, test } from 'vitest';
import { evaluationMode } from '../../src/engine/fused/ops.js';
import { createBatch, type Batch } from '../../src/local/batch.js';
import type { StrategyOptionsInput } from '../../src/local/options.js';
import { buildNetwork } from '../../src/networks/build.js';
import { networkForward } from '../../src/networks/network.js';
import type { NetworkOptions } from '../../src/networks/options.js';
import { randomStream } from '../../src/core/random.js';
import { startEngine } from '../support/engine.js';
import { sampleOf } from '../support/fuzz.js';
import { tinyRun, titleOf } from '../support/tiny.js';

beforeAll(async () => {
  await startEngine();
});

const classes = 3;
const vit = { name: 'vit', layers: 4, width: 16, heads: 2, patchSize: 4 } as const;

type Shape = readonly [number, number, number];
const vggImages: Shape = [32, 32, 3];
const vitImages: Shape = [16, 24, 3];
const imagenetImages: Shape = [64, 64, 3];

const cases: readonly (readonly [NetworkOptions, Shape, StrategyOptionsInput])[] = [
  [
    { name: 'vgg', layers: 13, head: 'pooled' },
    vggImages,
    { method: 'auglocal', depth: 2, blocks: 5, classifier: 'vgg' },
  ],
  [{ name: 'vgg', layers: 13, head: 'pooled' }, vggImages, { method: 'infopro', blocks: 4 }],
  [{ name: 'vgg', layers: 13, head: 'pooled' }, vggImages, { method: 'man', blocks: 3, auxiliary: '1c1f' }],
  [
    { name: 'vgg', layers: 13, head: 'pooled' },
    vggImages,
    {
      method: 'hpff',
      cuts: ['features.7', 'features.17'],
      auxiliary: '1c1f',
      decoder: 'hpff-imagenet',
      fusion: 'patch-sum',
    },
  ],
  [vit, vitImages, { method: 'auglocal', depth: 2, classifier: 'imagenet' }],
  [vit, vitImages, { method: 'infopro' }],
  [vit, vitImages, { method: 'man', blocks: 3 }],
  [vit, vitImages, { method: 'hpff', blocks: 3 }],
  [vit, vitImages, { method: 'man-plus', blocks: 3, ramp: 'blocks', decoder: 'man-imagenet' }],
  [vit, vitImages, { method: 'dgl-man-plus', blocks: 3, featureWidth: 16 }],
  [
    { name: 'vgg', layers: 13, head: 'pooled' },
    vggImages,
    { method: 'man-plus', blocks: 3, auxiliary: '1c1f', ramp: 'blocks' },
  ],
  [
    { name: 'resnet-imagenet', layers: 18 },
    imagenetImages,
    {
      method: 'man-plus',
      cuts: ['layer2.0', 'layer3.0'],
      auxiliary: 'imagenet',
      decoder: 'man-imagenet',
      reconstruction: 5,
      classification: 0.75,
    },
  ],
  [vit, vitImages, { method: 'mlaan', blocks: 3 }],
  [vit, vitImages, { method: 'contsup', context: 'R2' }],
  [vit, vitImages, { method: 'predsim' }],
  [vit, vitImages, { method: 'dgl' }],
  [
    { name: 'resnet-imagenet', layers: 18 },
    imagenetImages,
    {
      method: 'man',
      cuts: ['layer2.0'],
      auxiliary: 'imagenet',
      decoder: 'man-imagenet',
      reconstruction: 5,
      classification: 0.75,
    },
  ],
  [
    { name: 'resnet-imagenet', layers: 18 },
    imagenetImages,
    {
      method: 'hpff',
      cuts: ['layer2.0', 'layer3.0'],
      auxiliary: 'imagenet',
      decoder: 'hpff-imagenet',
      fusion: 'patch-sum',
      independentWeight: 0,
    },
  ],
  [
    { name: 'resnet-imagenet', layers: 18 },
    [65, 49, 3],
    { method: 'auglocal', cuts: ['stem', 'layer2.1'], depth: 1, classifier: 'imagenet' },
  ],
  [
    { name: 'resnet-imagenet', layers: 18 },
    [65, 49, 3],
    { method: 'infopro', cuts: ['layer1.1', 'layer3.0'] },
  ],
];

/** Images whose classes differ by a constant. */
function batchOf(shape: Shape): Batch {
  const size = 6;
  const random = randomStream(1, 'images');
  const labels = Uint16Array.from({ length: size }, (_, i) => i % classes);
  const pixels = shape[0] * shape[1] * shape[2];
  const images = Float32Array.from(
    { length: size * pixels },
    (_, i) => 0.5 * random.uniform() + 0.25 * labels[Math.floor(i / pixels)]!,
  );
  const normalization = { mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25] };
  return createBatch(images, labels, shape, classes, normalization);
}

describe.each(
  sampleOf(cases, 7).map(([network, shape, options]) => ({
    title: `${network.name}: ${titleOf(options)}`,
    network,
    shape,
    options,
  })),
)('$title', ({ network: networkOptions, shape, options }) => {
  test('trains every block', { timeout: 60_000 }, () => {
    const network = buildNetwork(networkOptions, { classes, imageShape: shape, seed: 1 });
    const run = tinyRun(options, network);
    const before = run.strategy.updates.map(({ variables }) => variables[0]!.dataSync().slice());
    const totals: number[] = [];
    for (let step = 0; step < 4; step++) {
      tf.tidy(() => {
        const { losses } = run.step(batchOf(shape), 0.01);
        totals.push(losses.reduce((sum, loss) => sum + loss, 0));
      });
    }
    expect(totals.every(Number.isFinite)).toBe(true);
    expect(totals.at(-1)).toBeLessThan(totals[0]!);
    run.strategy.updates.forEach(({ variables, name }, i) => {
      expect(variables[0]!.dataSync(), name).not.toEqual(before[i]);
    });
    const logits = tf.tidy(() =>
      networkForward(run.strategy.network, batchOf(shape).images, evaluationMode).dataSync(),
    );
    expect(logits.every(Number.isFinite)).toBe(true);
    run.dispose();
  });
});
