import tf = require('@tensorflow/tfjs');
import { beforeAll, describe, expect, test } from 'vitest';
import { fitProbe } from '../../src/study/linear-probe.js';
import { minimise } from '../../src/study/minimise.js';
import { randomStream } from '../../src/core/random.js';
import { startEngine } from '../support/engine.js';
import { dot, mean } from '../support/numeric.js';

beforeAll(async () => void (await startEngine()));

describe('minimise', () => {
  test('finds the minimum of a quadratic of very different curvatures', async () => {
    const curvatures = [1, 10, 1000, 0.1];
    const found = await minimise(
      (x) => ({
        value: curvatures.reduce((total, c, i) => total + (c / 2) * (x[i]! - i) ** 2, 0),
        gradient: x.map((value, i) => curvatures[i]! * (value - i)),
      }),
      new Float64Array([50, -50, 50, -50]),
      { tolerance: 1e-9, maxIterations: 200 },
    );
    found.forEach((value, i) => expect(value).toBeCloseTo(i, 6));
  });

  test('ends where rounding leaves nothing to gain', async () => {
    const rounded = (x: Float64Array) => ({
      value: Math.fround(1000 + x[0]! ** 2),
      gradient: x.map((value) => 2 * value),
    });
    const [found] = await minimise(rounded, new Float64Array([3]), { tolerance: 0, maxIterations: 1000 });
    expect(Math.abs(found!)).toBeLessThan(0.05);
  });
});

describe('a linear probe', () => {
  const random = randomStream(1, 'linear-probe');
  const [images, width, classes] = [40, 3, 3];
  const labels = Array.from({ length: images }, (_, i) => i % classes);
  // Overlapping classes, features of different scales and far from 0, and one that does not vary.
  const rows = labels.map((label) => [
    100 + 5 * (label + random.normal()),
    0.01 * random.normal() - label / 50,
    7,
  ]);

  test('is the minimum of the penalised loss, as plain gradient descent finds it in double precision', async () => {
    const features = tf.tensor2d(rows);
    const targets = tf.oneHot(tf.tensor1d(labels, 'int32'), classes).toFloat() as tf.Tensor2D;
    const before = tf.memory().numTensors;
    const probe = await fitProbe({ features, labels: targets });
    const logits = tf.tidy(() => probe.logits(features).arraySync());
    probe.dispose();
    expect(tf.memory().numTensors).toBe(before);
    tf.dispose([features, targets]);

    expectClose(logits.map(softmax), descend());
  });

  const softmax = (row: readonly number[]): number[] => {
    const powers = row.map((x) => Math.exp(x - Math.max(...row)));
    return powers.map((power) => power / powers.reduce((a, b) => a + b));
  };

  /** Probabilities after 20,000 steps of gradient descent. */
  function descend(): number[][] {
    const columns = [0, 1, 2].map((j) => rows.map((row) => row[j]!));
    const standardised = rows.map((row) =>
      row.map((x, j) => {
        const deviation = Math.sqrt(mean(columns[j]!.map((y) => (y - mean(columns[j]!)) ** 2)));
        return deviation === 0 ? 0 : (x - mean(columns[j]!)) / deviation;
      }),
    );
    const weights = Array.from({ length: classes }, () => [0, 0, 0]);
    const bias = [0, 0, 0];
    const probabilities = (): number[][] =>
      standardised.map((row) => softmax(weights.map((each, k) => dot(each, row) + bias[k]!)));
    for (let step = 0; step < 20_000; step++) {
      const errors = probabilities().map((row, i) =>
        row.map((p, k) => (p - (k === labels[i] ? 1 : 0)) / images),
      );
      for (let k = 0; k < classes; k++) {
        for (let j = 0; j < width; j++) {
          const slope = errors.reduce((total, row, i) => total + row[k]! * standardised[i]![j]!, 0);
          weights[k]![j]! -= 0.5 * (slope + weights[k]![j]! / images);
        }
        bias[k]! -= 0.5 * errors.reduce((total, row) => total + row[k]!, 0);
      }
    }
    return probabilities();
  }

  function expectClose(found: number[][], expected: number[][]): void {
    found.forEach((row, i) =>
      row.forEach((p, k) => expect(Math.abs(p - expected[i]![k]!)).toBeLessThan(2e-3)),
    );
  }
});
