import tf = require('@tensorflow/tfjs');
import { beforeAll, describe, expect, it } from 'vitest';
import type { Engine } from '../../src/engine/engine.js';
import type { Precision } from '../../src/engine/precision.js';
import type { Recompute } from '../../src/engine/recompute-choices.js';
import { createBatch } from '../../src/local/batch.js';
import { buildStrategy } from '../../src/local/build.js';
import type { StrategyOptionsInput } from '../../src/local/options.js';
import { inPrecision, recomputing } from '../../src/local/strategy.js';
import { disposeNetwork, type Network } from '../../src/networks/network.js';
import { vit } from '../../src/networks/vit.js';
import { adamw } from '../../src/train/adamw.js';
import { capturedSteps } from '../../src/train/captured-steps.js';
import { papersSgd, sgd } from '../../src/train/sgd.js';
import { planSteps, trainStep } from '../../src/train/step.js';
import { hasTorch, startEngine } from '../support/engine.js';
import { sampleOf } from '../support/fuzz.js';
import { tinyClasses, tinyMethods, tinyNetwork, tinyShape, titleOf } from '../support/tiny.js';

import { expectSame, steps, type Setting } from '../support/captured.js';

describe.skipIf(!hasTorch)('captured steps', () => {
  let engine: Engine;
  beforeAll(async () => {
    engine = await startEngine();
  });

  const of = (options: StrategyOptionsInput) => (network: Network) => buildStrategy(network, options);
  const hpff = of({ method: 'hpff', blocks: 4, auxiliary: '1c1f' });

  it.each(sampleOf(tinyMethods, 2).map((options) => [titleOf(options), options] as const))(
    '%s: the same bits and peaks as without, from the fourth step on',
    (_, options) => {
      const { refused, played } = expectSame(engine, { build: of(options) });
      expect(refused).toBeUndefined();
      expect(played).toBe(steps - 3);
    },
  );

  const smallVit = (): Network =>
    vit({
      ...{ classes: tinyClasses, imageShape: tinyShape, seed: 1 },
      ...{ layers: 3, patchSize: 4, width: 16, heads: 2, mlpWidth: 32 },
    });
  const recomputed = (recompute: Recompute, options: StrategyOptionsInput) => (network: Network) =>
    recomputing(buildStrategy(network, options), recompute);
  const inBf16 = (options: StrategyOptionsInput, precision: Precision) => (network: Network) =>
    inPrecision(buildStrategy(network, options), precision);
  const variants: readonly (readonly [string, Setting])[] = [
    ['micro-batches', { build: of({ method: 'auglocal', depth: 2 }), microBatch: 3 }],
    ['micro-batches of uneven sizes', { build: of({ method: 'man', blocks: 3 }), microBatch: 4 }],
    ['micro-batches of cascades', { build: hpff, microBatch: 3 }],
    ['bfloat16', { build: inBf16({ method: 'hpff', blocks: 3 }, 'bf16') }],
    ['units made again', { build: recomputed('units', { method: 'man', blocks: 3 }) }],
    ['segments made again', { build: recomputed('segments', { method: 'hpff', blocks: 4 }) }],
    [
      'clipping, AdamW',
      {
        build: hpff,
        clip: { norm: 0.5 },
        optimizer: () => adamw({ betas: [0.9, 0.99], epsilon: 1e-8, weightDecay: 0.1 }),
      },
    ],
    ['label smoothing', { build: of({ method: 'dgl' }), smoothing: 0.1 }],
    ['images of floating-point numbers', { build: of({ method: 'infopro' }), floats: true }],
    [
      'no momentum',
      { build: of({ method: 'predsim' }), optimizer: () => sgd({ ...papersSgd, momentum: 0 }) },
    ],
    ['a ViT', { network: smallVit, build: of({ method: 'dgl', blocks: 3 }) }],
    ['cascades of a ViT', { network: smallVit, build: of({ method: 'mlaan', blocks: 3 }) }],
  ];
  it.each(variants)('%s: the same', (_, setting) => {
    const { refused, played } = expectSame(engine, setting);
    expect(refused).toBeUndefined();
    expect(played).toBe(steps - 3);
  });

  it('makes steps on batches of each form again, or cut in each way', () => {
    const sizes = [6, 6, 4, 6, 4, 6, 4];
    expect(expectSame(engine, { build: hpff, sizes })).toMatchObject({ refused: undefined, played: 2 });
    const smoothings = [0, 0, 0, 0, 0.1, 0, 0.1];
    const smoothed = expectSame(engine, { build: of({ method: 'dgl' }), smoothings });
    expect(smoothed).toMatchObject({ refused: undefined, played: 2 });
    const microBatches = [6, 6, 6, 6, 3, 6, 3];
    const cut = expectSame(engine, { build: hpff, microBatches });
    expect(cut).toMatchObject({ refused: undefined, played: 2 });
  });

  it('runs beside variables that are no numbers of this engine', () => {
    const words = tf.variable(tf.tensor(['a', 'b']));
    try {
      expect(expectSame(engine, { build: of({ method: 'bp' }) })).toMatchObject({
        refused: undefined,
        played: steps - 3,
      });
    } finally {
      words.dispose();
    }
  });

  it('looks at pixels that a loss rebuilds in every step', () => {
    const network = tinyNetwork();
    const strategy = buildStrategy(network, { method: 'infopro' });
    const plan = planSteps(strategy.updates);
    const optimizer = sgd(papersSgd);
    const captured = capturedSteps(engine, strategy);
    const step = (pixel: number): void =>
      void tf.tidy(() => {
        const images = Float32Array.from({ length: 6 * 192 }, (_, i) => (i === 0 ? pixel : (i % 7) / 7));
        const normalization = { mean: [0.5], std: [0.25] };
        const batch = createBatch(images, [0, 1, 2, 0, 1, 2], tinyShape, tinyClasses, normalization);
        trainStep(strategy, plan, optimizer, 0.01, batch, undefined, undefined, captured);
      });
    for (let i = 0; i < 4; i++) step(0.5);
    expect(() => step(1.5)).toThrow('a loss rebuilds the images, which must be from 0 to 1');
    step(0.5);
    expect(captured.refused()).toBeUndefined();
    optimizer.dispose();
    strategy.dispose();
    disposeNetwork(network);
  });

  it('captures anew where variables no longer have the memory that they had', () => {
    const { refused, played } = expectSame(engine, { build: hpff, fits: (step) => step !== 4 });
    expect([refused, played]).toEqual([undefined, 3]);
  });
});
