import tf = require('@tensorflow/tfjs');
import { beforeAll, describe, expect, test } from 'vitest';
import { trainingMode } from '../../../src/engine/fused/ops.js';
import { fused } from '../../../src/engine/fused/registry.js';
import { randomStream } from '../../../src/core/random.js';
import { startEngine, testEngine } from '../../support/engine.js';

describe.skipIf(testEngine !== 'tensorflow')('the kernels of tensorflow', () => {
  beforeAll(() => startEngine());

  // TensorFlow's own are up to 5e-6 off here, and its results 1.5e-5: it adds all up in a row.
  test('the statistics of a batch are as exact as float32 has them', () => {
    /** Four roundings of numbers of the size of 1. */
    const few = 4 * 2 ** -23;
    const channels = 4;
    const rows = 32 * 32 * 32;
    const random = randomStream(1, 'statistics');
    const values = Float32Array.from({ length: rows * channels }, () => random.uniform() + 0.5);
    const exact = Array.from({ length: channels }, (_, c) => {
      const own = values.filter((_, i) => i % channels === c);
      const mean = own.reduce((sum, value) => sum + value, 0) / rows;
      const squares = own.reduce((sum, value) => sum + (value - mean) ** 2, 0);
      return { mean, variance: squares / rows };
    });
    tf.tidy(() => {
      const ones = tf.ones<tf.Rank.R1>([channels]);
      const zeros = tf.zeros<tf.Rank.R1>([channels]);
      const norm = {
        gamma: ones,
        beta: zeros,
        runningMean: tf.variable(zeros),
        runningVariance: tf.variable(zeros),
      };
      const x = tf.tensor4d(values, [32, 32, 32, channels]);
      const y = fused().batchNorm(x, norm, { relu: false, mode: trainingMode });
      const means = norm.runningMean.dataSync();
      const variances = norm.runningVariance.dataSync();
      const first = y.dataSync();
      exact.forEach(({ mean, variance }, c) => {
        expect(Math.abs(means[c]! / (0.1 * mean) - 1)).toBeLessThan(few);
        expect(Math.abs(variances[c]! / ((0.1 * variance * rows) / (rows - 1)) - 1)).toBeLessThan(few);
        const expected = (values[c]! - mean) / Math.sqrt(variance + 1e-5);
        expect(Math.abs(first[c]! - expected)).toBeLessThan(few / Math.sqrt(variance));
      });
      tf.dispose([norm.runningMean, norm.runningVariance]);
    });
  });
});
