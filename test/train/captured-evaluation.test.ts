import tf = require('@tensorflow/tfjs');
import { beforeAll, describe, expect, it } from 'vitest';
import { randomStream } from '../../src/core/random.js';
import type { Dataset, ImageBatch } from '../../src/data/dataset.js';
import type { Engine } from '../../src/engine/engine.js';
import { buildStrategy } from '../../src/local/build.js';
import type { Classifier } from '../../src/local/classifier.js';
import { disposeNetwork } from '../../src/networks/network.js';
import { resnetCifar } from '../../src/networks/resnet-cifar.js';
import { capturedEvaluation } from '../../src/train/captured-evaluation.js';
import { evaluateUpdates } from '../../src/train/evaluate-updates.js';
import { evaluate, type EvaluateOptions } from '../../src/train/evaluate.js';
import { averageWeights } from '../../src/train/weight-average.js';
import { watchingSteps } from '../support/captured.js';
import { hasTorch, startEngine } from '../support/engine.js';
import { sampleOf } from '../support/fuzz.js';
import { noiseDataset } from '../support/noise.js';
import { tinyBatch, tinyClasses, tinyMethods, tinyRun, tinyShape, titleOf } from '../support/tiny.js';

const dataset: Dataset = { ...noiseDataset, imageShape: tinyShape };

/** Batches of some sizes, other ones for each seed. */
async function* batchesOf(seed: number, sizes: readonly number[], classes: number = tinyClasses) {
  const random = randomStream(seed, 'captured evaluation');
  for (const size of sizes) {
    const length = size * tinyShape.reduce<number>((product, n) => product * n, 1);
    const images = Uint8Array.from({ length }, () => random.below(256));
    const labels = Uint16Array.from({ length: size }, () => random.below(classes));
    const batch: ImageBatch = { size, images, labels, skipped: [] };
    yield await Promise.resolve(batch);
  }
}

describe.skipIf(!hasTorch)('captured evaluation', () => {
  let engine: Engine;
  let played = 0;
  beforeAll(async () => {
    engine = watchingSteps(await startEngine(), { onPlay: () => played++ });
  });

  /** As `evaluate` with what each image's logits are. */
  const withLogits = async (
    run: (options: EvaluateOptions) => Promise<unknown>,
    options: EvaluateOptions,
  ) => {
    const logits: number[][] = [];
    const tally = { add: (each: Float32Array) => void logits.push([...each]), total: () => 0 };
    const found = await run({ ...options, tallies: [tally] });
    return { found, logits };
  };

  it.each(sampleOf(tinyMethods, 3).map((options) => [titleOf(options), options] as const))(
    '%s: the same bits and peaks as without, with logits too, of weights that change',
    async (_, options) => {
      const before = tf.memory().numTensors;
      const run = tinyRun(options);
      const captured = capturedEvaluation(engine);
      const average = averageWeights(run.strategy, 0.5);
      const sizes = [6, 6, 6, 3, 6, 3, 3];
      const evaluated = async (seed: number, options: EvaluateOptions) => {
        engine.memory.reset();
        const held = engine.memory.current();
        const found = await evaluateUpdates(run.strategy, dataset, batchesOf(seed, sizes), options);
        expect(engine.memory.current()).toBe(held);
        return { found, peak: engine.memory.peak() - held };
      };
      const wants = (options: EvaluateOptions) => evaluated(9, options);
      // Other numbers are read where logits are wanted, too: their captures are of their own.
      const ofLogits = capturedEvaluation(engine);
      for (const seed of [1, 2, 3]) {
        played = 0;
        const again = await evaluated(seed, { captured });
        // In the first pass each form's first two are captured, later each form's first.
        expect(played).toBe(seed === 1 ? 3 : 5);
        expect(again).toEqual(await evaluated(seed, {}));
        expect(await withLogits(wants, { captured: ofLogits })).toEqual(await withLogits(wants, {}));
        tf.tidy(() => void run.step(tinyBatch(8, `step ${seed}`)));
        average.update();
        average.swap();
      }
      expect(captured.refused()).toBeUndefined();
      average.dispose();
      run.dispose();
      expect(tf.memory().numTensors).toBe(before);
    },
  );

  it('tells top-5 accuracy as without', async () => {
    const network = resnetCifar({ layers: 8, classes: 100, imageShape: tinyShape, seed: 1 });
    const strategy = buildStrategy(network, { method: 'dgl', blocks: 2 });
    const many = { ...dataset, classes: Array.from({ length: 100 }, (_, i) => String(i)) };
    const evaluated = (options: EvaluateOptions) =>
      evaluateUpdates(strategy, many, batchesOf(1, [5, 5, 5, 5], 100), options);
    played = 0;
    const again = await evaluated({ captured: capturedEvaluation(engine) });
    expect([played, again]).toEqual([2, await evaluated({})]);
    expect(again!.top5).toBeGreaterThan(0);
    strategy.dispose();
    disposeNetwork(network);
  });

  const strange: readonly (readonly [string, (own: Classifier['logits']) => Classifier['logits'], RegExp])[] =
    [
      [
        'numbers that change',
        (own) => {
          let calls = 0;
          return (x) => tf.mul(own(x), 1 + calls++);
        },
        /no two evaluated batches did the same/,
      ],
      [
        'values that are read back',
        (own) => (x) => tf.mul(own(x), x.dataSync()[0]! > 0 ? 1 : 2),
        /reads values back/,
      ],
    ];
  it.each(strange)('%s: is not captured, and says why', async (_, change, reason) => {
    const run = tinyRun({ method: 'dgl' });
    const [{ classifier }] = run.strategy.updates as never as [{ classifier: Classifier }];
    const captured = capturedEvaluation(engine);
    const evaluated = (options: EvaluateOptions) => {
      const classifiers = [{ ...classifier, logits: change((x) => classifier.logits(x)) }];
      return evaluate(run.network, dataset, batchesOf(1, [4, 4, 4, 4, 4, 4]), { ...options, classifiers });
    };
    played = 0;
    expect(await evaluated({ captured })).toEqual(await evaluated({}));
    expect([played, captured.refused()]).toEqual([0, expect.stringMatching(reason)]);
    run.dispose();
  });

  it('goes on as it was after a batch that fails', async () => {
    const run = tinyRun({ method: 'dgl' });
    const [{ classifier }] = run.strategy.updates as never as [{ classifier: Classifier }];
    const captured = capturedEvaluation(engine);
    let fails = false;
    const logits: Classifier['logits'] = (x) => {
      if (fails) throw new Error('no luck');
      return classifier.logits(x);
    };
    const evaluated = (options: EvaluateOptions) =>
      evaluate(run.network, dataset, batchesOf(1, [4, 4, 4]), {
        ...options,
        classifiers: [{ ...classifier, logits }],
      });
    const plain = await evaluated({});
    const before = [tf.memory().numTensors, engine.memory.current()];
    fails = true;
    await expect(evaluated({ captured })).rejects.toThrow('no luck');
    expect([tf.memory().numTensors, engine.memory.current()]).toEqual(before);
    fails = false;
    played = 0;
    expect([await evaluated({ captured }), played]).toEqual([plain, 1]);
    run.dispose();
  });

  it('refuses a function where options are wanted', async () => {
    const run = tinyRun({ method: 'bp' });
    const goOn = (() => Promise.resolve(true)) as never;
    await expect(evaluate(run.network, dataset, batchesOf(1, [4]), goOn)).rejects.toThrow(
      'evaluate: options: must be a map',
    );
    run.dispose();
  });
});
