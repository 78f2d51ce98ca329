import tf = require('@tensorflow/tfjs');
import { beforeAll, describe, expect, test } from 'vitest';
import { createBatch, type Batch, type Mixing } from '../../src/local/batch.js';
import { buildStrategy } from '../../src/local/build.js';
import type { StrategyOptionsInput } from '../../src/local/options.js';
import type { Strategy } from '../../src/local/strategy.js';
import { randomStream } from '../../src/core/random.js';
import { buildNetwork } from '../../src/networks/build.js';
import { disposeNetwork, networkState } from '../../src/networks/network.js';
import type { Clip } from '../../src/train/clip.js';
import { cannotCut, microBatches } from '../../src/train/micro-batches.js';
import { papersSgd, sgd } from '../../src/train/sgd.js';
import { planSteps, trainStep, type StepResult } from '../../src/train/step.js';
import { startEngine } from '../support/engine.js';
import { sampleOf } from '../support/fuzz.js';
import { titleOf } from '../support/tiny.js';

const shape = [16, 16, 3] as const;
const classes = 4;
const vit = { name: 'vit', layers: 4, width: 16, heads: 2, patchSize: 4 };
const normalization = { mean: [0.5, 0.4, 0.3], std: [0.2, 0.25, 0.3] };

function imagesOf(size: number, mixing?: Mixing, smoothing = 0): Batch {
  const random = randomStream(1, 'accumulate');
  const images = Uint8Array.from({ length: size * 16 * 16 * 3 }, () => random.below(256));
  const labels = Array.from({ length: size }, (_, i) => i % classes);
  return createBatch(images, labels, shape, classes, normalization, mixing, smoothing);
}

interface Stepped extends StepResult {
  readonly values: readonly Float32Array[];
  /** Of each variable, in its order. */
  readonly names: readonly string[];
}

interface Setting {
  readonly size?: number;
  readonly microBatch?: number;
  readonly clip?: Clip;
  readonly mixing?: Mixing;
  readonly watch?: (strategy: Strategy) => Strategy;
}

/** Two steps of a ViT, which has no batch normalisation; what a method adds to it must have none either. */
function twoSteps(
  options: StrategyOptionsInput,
  { size = 12, microBatch, clip, mixing, watch }: Setting,
): Stepped {
  const network = buildNetwork(vit, { classes, imageShape: shape, seed: 1 });
  const built = buildStrategy(network, options);
  const strategy = watch?.(built) ?? built;
  const optimizer = sgd(papersSgd);
  const plan = planSteps(strategy.updates, { clip });
  try {
    const before = tf.memory().numTensors;
    let result: StepResult | undefined;
    for (let step = 0; step < 2; step++) {
      tf.tidy(() => {
        result = trainStep(strategy, plan, optimizer, 0.05, imagesOf(size, mixing), undefined, microBatch);
      });
    }
    const kept = strategy.updates.flatMap(({ variables }) => variables);
    // What the optimiser keeps is all that is left.
    expect(tf.memory().numTensors - before).toBe(new Set(kept).size);
    const state = [...networkState(network), ...strategy.auxiliary];
    return {
      ...result!,
      names: state.map(({ name }) => name),
      values: state.map(({ variable }) => Float32Array.from(variable.dataSync())),
    };
  } finally {
    optimizer.dispose();
    built.dispose();
    disposeNetwork(network);
  }
}

function expectClose(found: Stepped, wanted: Stepped): void {
  found.losses.forEach((loss, i) => expect(loss).toBeCloseTo(wanted.losses[i]!, 5));
  found.values.forEach((values, i) => {
    const largest = Math.max(...values.map((value, k) => Math.abs(value - wanted.values[i]![k]!)));
    expect(largest, found.names[i]).toBeLessThan(2e-5);
  });
}

const methods: readonly StrategyOptionsInput[] = [
  { method: 'bp' },
  { method: 'custom', blocks: 3, auxiliary: 'pooled' },
  { method: 'custom', blocks: 3, auxiliary: 'pooled', bridge: 'momentum' },
  { method: 'custom', blocks: 3, auxiliary: 'pooled', path: { name: 'cascade', independentWeight: 0.5 } },
  {
    method: 'custom',
    blocks: 4,
    auxiliary: 'pooled',
    path: { name: 'cascade', length: 3, independentWeight: 0 },
  },
];

beforeAll(() => startEngine());

describe('micro-batches', () => {
  test('are even, at most so large, and leave no image alone', () => {
    const sizes = (size: number, most: number): number[] =>
      tf.tidy(() => microBatches(imagesOf(size), most).map((part) => part.size));
    expect(sizes(12, 12)).toEqual([12]);
    expect(sizes(12, 4)).toEqual([4, 4, 4]);
    expect(sizes(9, 4)).toEqual([3, 3, 3]);
    expect(sizes(5, 4)).toEqual([2, 3]);
    expect(sizes(3, 2)).toEqual([3]);
    expect(sizes(7, 2)).toEqual([2, 2, 3]);
    expect(sizes(3, 1)).toEqual([1, 1, 1]);
    expect(sizes(1, 4)).toEqual([1]);
    expect(cannotCut(12, 5)).toBe('must divide batchSize, and 5 does not divide 12: take 4 or 6');
    expect(cannotCut(4, 8)).toBe('must divide batchSize, and 8 does not divide 4: take 4');
  });

  test('have the images and labels of the batch, mixed as there, to the last bit', () => {
    for (const mixing of [undefined, { share: 0.3, partners: [5, 4, 3, 0, 1, 2] }]) {
      tf.tidy(() => {
        const batch = imagesOf(6, mixing, 0.1);
        const parts = microBatches(batch, 2);
        const joined = (of: (each: Batch) => tf.Tensor): number[] =>
          parts.flatMap((part) => [...of(part).dataSync()]);
        expect(joined((each) => each.images)).toEqual([...batch.images.dataSync()]);
        expect(joined((each) => each.labels)).toEqual([...batch.labels.dataSync()]);
        expect(joined((each) => each.pixels())).toEqual([...batch.pixels().dataSync()]);
      });
    }
  });

  test.each(sampleOf(methods, 2).map((options) => [titleOf(options), options] as const))(
    '%s: their gradients are those of the batch, to rounding',
    (_, options) => {
      const whole = twoSteps(options, {});
      expectClose(twoSteps(options, { microBatch: 4 }), whole);
      expectClose(twoSteps(options, { size: 10, microBatch: 4 }), twoSteps(options, { size: 10 }));
      expectClose(twoSteps(options, { microBatch: 1 }), whole);
    },
  );

  test('the sum of the gradients is clipped, not its parts', () => {
    const clip = { norm: 0.05 };
    const setting = { clip, mixing: { share: 0.8, partners: [3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8] } };
    for (const options of [methods[0]!, methods[3]!]) {
      expectClose(twoSteps(options, { ...setting, microBatch: 3 }), twoSteps(options, setting));
    }
  });

  test.each([methods[2]!, methods[3]!])(
    'moving averages and steps come once, behind the last micro-batch of an update: %o',
    (options) => {
      const seen: string[] = [];
      const watch = (strategy: Strategy): Strategy => ({
        ...strategy,
        updates: strategy.updates.map((update) => ({
          ...update,
          forward(streams, batch) {
            seen.push(update.name);
            return update.forward(streams, batch);
          },
          after() {
            seen.push(`after ${update.name}`);
            update.after?.();
          },
        })),
      });
      twoSteps(options, { microBatch: 6, watch });
      const step = seen.slice(0, seen.length / 2);
      const updates = [...new Set(step.filter((each) => !each.startsWith('after')))];
      const after = updates.map((name) => `after ${name}`);
      expect(step).toEqual(
        options === methods[3]
          ? [...updates, ...updates, ...after]
          : updates.flatMap((name, i) => [name, name, after[i]!]),
      );
    },
  );
});
