import tf = require('@tensorflow/tfjs');
import { beforeAll, describe, expect, test } from 'vitest';
import { evaluationMode } from '../../src/engine/fused/ops.js';
import { adaptiveAveragePool, averagePool } from '../../src/nn/pooling.js';
import { startEngine } from '../support/engine.js';

beforeAll(async () => {
  await startEngine();
});

/** Values 0, 1, 2, … along a map of one channel. */
const ramp = (height: number, width: number): tf.Tensor4D =>
  tf.reshape(tf.range(0, height * width), [1, height, width, 1]);
const valuesOf = (tensor: tf.Tensor): number[] => [...tensor.dataSync()];

describe('adaptive average pool', () => {
  test('averages equal windows', () => {
    tf.tidy(() => {
      const y = adaptiveAveragePool(2).forward(ramp(4, 4), evaluationMode);
      expect(y.shape).toEqual([1, 2, 2, 1]);
      expect(valuesOf(y)).toEqual([2.5, 4.5, 10.5, 12.5]);
    });
  });

  test('overlaps windows where the size does not divide the map, as PyTorch does', () => {
    tf.tidy(() => {
      // Rows and columns 0–1, 1–3 (⌊5/3⌋ … ⌈10/3⌉), 3–4.
      const y = adaptiveAveragePool(3).forward(ramp(5, 5), evaluationMode);
      const centres = [0.5, 2, 3.5];
      expect(valuesOf(y)).toEqual(centres.flatMap((row) => centres.map((column) => 5 * row + column)));
    });
  });

  test('spreads its gradient evenly over each window', () => {
    tf.tidy(() => {
      const gradient = (size: number, length: number): number[] =>
        valuesOf(
          tf.grad((x) => tf.sum(adaptiveAveragePool(size).forward(x, evaluationMode)))(ramp(length, length)),
        );
      expect(gradient(2, 4)).toEqual(new Array(16).fill(0.25));
      // Of 3 windows over 5 in each direction.
      const shares = [1 / 2, 1 / 2 + 1 / 3, 1 / 3, 1 / 3 + 1 / 2, 1 / 2];
      gradient(3, 5).forEach((value, i) =>
        expect(value).toBeCloseTo(shares[Math.floor(i / 5)]! * shares[i % 5]!, 6),
      );
    });
  });

  test('to the size that there is changes nothing', () => {
    tf.tidy(() => {
      expect(valuesOf(adaptiveAveragePool(3).forward(ramp(3, 3), evaluationMode))).toEqual([
        0, 1, 2, 3, 4, 5, 6, 7, 8,
      ]);
    });
  });
});

describe('average pool', () => {
  test('counts the zeros of its padding', () => {
    tf.tidy(() => {
      const y = averagePool({ window: [2, 1], padding: [1, 0] }).forward(
        tf.ones([1, 2, 2, 1]),
        evaluationMode,
      );
      expect(y.shape).toEqual([1, 2, 2, 1]);
      expect(valuesOf(y)).toEqual([0.5, 0.5, 0.5, 0.5]);
    });
  });

  test('leaves out rows that fill no window', () => {
    tf.tidy(() => {
      const y = averagePool({ window: [2, 2], padding: [0, 0] }).forward(ramp(3, 3), evaluationMode);
      expect(valuesOf(y)).toEqual([2]);
    });
  });
});
