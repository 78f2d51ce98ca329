import tf = require('@tensorflow/tfjs');
import { beforeAll, describe, expect, test } from 'vitest';
import { binaryCrossEntropy } from '../../../../src/local/axes/loss/binary-cross-entropy.js';
import { supervisedContrast } from '../../../../src/local/axes/loss/contrast.js';
import { crossEntropy } from '../../../../src/local/axes/loss/cross-entropy.js';
import { similarityLoss } from '../../../../src/local/axes/loss/similarity.js';
import { randomStream } from '../../../../src/core/random.js';
import { startEngine } from '../../../support/engine.js';
import { dot, largestError, mean, numericGradient, rowsOf, sum } from '../../../support/numeric.js';

beforeAll(async () => {
  await startEngine();
});

const normals = (count: number, name: string, scale = 1): number[] => {
  const random = randomStream(1, name);
  return Array.from({ length: count }, () => Math.fround(random.normal() * scale));
};
const oneHot = (labels: readonly number[], classes: number): tf.Tensor2D =>
  tf.oneHot(tf.tensor1d([...labels], 'int32'), classes).toFloat() as tf.Tensor2D;

/** Compares a loss and its gradient with the same loss on plain numbers. */
function check(
  values: readonly number[],
  shape: number[],
  loss: (x: tf.Tensor) => tf.Scalar,
  naive: (values: readonly number[]) => number,
): void {
  tf.tidy(() => {
    const x = tf.tensor(values as number[], shape);
    const { value, grad } = tf.valueAndGrad(loss)(x);
    expect(value.dataSync()[0]! / naive(values)).toBeCloseTo(1, 5);
    expect(largestError(grad.dataSync(), numericGradient(naive, values))).toBeLessThan(2e-4);
  });
}

describe('cross-entropy', () => {
  const labels = [2, 0, 1, 1];
  const naive = (values: readonly number[]): number =>
    mean(rowsOf(values, 3).map((row, i) => Math.log(sum(row.map((v) => Math.exp(v - row[labels[i]!]!))))));

  test('is the mean of −log softmax at the label', () => {
    check(normals(12, 'ce', 2), [4, 3], (x) => crossEntropy(x as tf.Tensor2D, oneHot(labels, 3)), naive);
  });

  test('of large logits does not overflow', () => {
    tf.tidy(() => {
      const loss = crossEntropy(tf.tensor2d([[1000, 0, -1000]]), oneHot([2], 3));
      expect(loss.dataSync()[0]).toBeCloseTo(2000, 2);
    });
  });
});

describe('binary cross-entropy of logits', () => {
  const targets = normals(12, 'targets').map((value) => Math.fround(1 / (1 + Math.exp(-value))));
  const naive = (values: readonly number[]): number =>
    mean(
      values.map((value, i) => {
        const p = 1 / (1 + Math.exp(-value));
        return -targets[i]! * Math.log(p) - (1 - targets[i]!) * Math.log(1 - p);
      }),
    );

  test('is the mean over all values', () => {
    check(normals(12, 'bce', 3), [2, 6], (x) => binaryCrossEntropy(x, tf.tensor(targets, [2, 6])), naive);
  });

  test('of large logits does not overflow, in value or gradient', () => {
    tf.tidy(() => {
      const { value, grad } = tf.valueAndGrad((x) => binaryCrossEntropy(x, tf.tensor1d([0, 1])))(
        tf.tensor1d([500, -500]),
      );
      expect(value.dataSync()[0]).toBeCloseTo(500, 3);
      expect([...grad.dataSync()]).toEqual([0.5, -0.5]);
    });
  });

  test('scales its gradient with what comes from outside', () => {
    tf.tidy(() => {
      const gradient = (factor: number): Float32Array =>
        tf
          .grad((x) => tf.mul(binaryCrossEntropy(x, tf.tensor1d([0.3])), factor))(tf.tensor1d([0.2]))
          .dataSync() as Float32Array;
      expect(gradient(3)[0]).toBeCloseTo(3 * gradient(1)[0]!, 6);
    });
  });
});

describe('supervised contrast', () => {
  // The third class has one sample: a row without positives.
  const labels = [0, 1, 0, 1, 1, 2];
  const naive = (values: readonly number[]): number => {
    const rows = rowsOf(values, 4).map((row) => {
      const norm = Math.sqrt(dot(row, row));
      return row.map((value) => value / norm);
    });
    return mean(
      rows.map((row, i) => {
        const others = rows.map((_, j) => j).filter((j) => j !== i);
        const logits = others.map((j) => dot(row, rows[j]!) / 0.07);
        const most = Math.max(...logits);
        const logSum = most + Math.log(sum(logits.map((value) => Math.exp(value - most))));
        const positives = others.flatMap((j, k) => (labels[j] === labels[i] ? [logits[k]! - logSum] : []));
        return -sum(positives) / Math.max(1, positives.length);
      }),
    );
  };

  test('is Eq. 2 of Khosla et al. over the other samples', () => {
    check(
      normals(24, 'contrast'),
      [6, 4],
      (x) => supervisedContrast(x as tf.Tensor2D, oneHot(labels, 3)),
      naive,
    );
  });

  test('does not depend on the length of the features', () => {
    tf.tidy(() => {
      const x = tf.tensor2d(normals(24, 'contrast'), [6, 4]);
      const loss = (scale: number): number =>
        supervisedContrast(tf.mul(x, scale), oneHot(labels, 3)).dataSync()[0]!;
      expect(loss(100)).toBeCloseTo(loss(1), 4);
    });
  });

  test('of features that are zero is finite', () => {
    tf.tidy(() => {
      const loss = supervisedContrast(tf.zeros([6, 4]), oneHot(labels, 3));
      expect(loss.dataSync()[0]).toBeCloseTo((5 / 6) * Math.log(5), 5);
    });
  });
});

describe('similarity', () => {
  const labels = [0, 1, 0, 2];
  const classes = 3;
  const matrix = (rows: readonly number[][]): number[][] => {
    const unit = rows.map((row) => {
      const centred = row.map((value) => value - mean(row));
      const norm = 1e-8 + Math.sqrt(dot(centred, centred));
      return centred.map((value) => value / norm);
    });
    return unit.map((a) => unit.map((b) => Math.max(-1, Math.min(1, dot(a, b)))));
  };
  const naive = (values: readonly number[]): number => {
    // [n, h · w, c]: the deviation of each channel over space.
    const features = rowsOf(values, 6 * 5).map((sample) => {
      const pixels = rowsOf(sample, 5);
      return pixels[0]!.map((_, channel) => {
        const column = pixels.map((pixel) => pixel[channel]!);
        return Math.sqrt(sum(column.map((value) => (value - mean(column)) ** 2)) / (column.length - 1));
      });
    });
    const target = matrix(
      labels.map((label) => Array.from({ length: classes }, (_, i) => Number(i === label))),
    );
    const found = matrix(features);
    return mean(found.flatMap((row, i) => row.map((value, j) => (value - target[i]![j]!) ** 2)));
  };

  test('matches the matrices of the features and of the labels', () => {
    check(
      normals(4 * 6 * 5, 'similarity'),
      [4, 3, 2, 5],
      (x) => similarityLoss(x as tf.Tensor4D, oneHot(labels, classes)),
      naive,
    );
  });

  test('of maps of one position compares their values', () => {
    tf.tidy(() => {
      const rows = [1, 5, 2, 8, 3, 9, 4, 4, 7, 1, 6, 2];
      const maps = tf.tensor4d(rows, [4, 1, 1, 3]);
      const { value, grad } = tf.valueAndGrad((x) =>
        similarityLoss(x as tf.Tensor4D, oneHot(labels, classes)),
      )(maps);
      // Two positions, 0 and √2 times the value, have the value as their unbiased deviation.
      const pair = tf.concat([tf.zerosLike(maps), tf.mul(maps, Math.SQRT2)], 2) as tf.Tensor4D;
      const expected = similarityLoss(pair, oneHot(labels, classes)).dataSync()[0]!;
      expect(value.dataSync()[0]).toBeCloseTo(expected, 5);
      expect(grad.dataSync().every(Number.isFinite)).toBe(true);
    });
  });

  test('of maps that are constant has a value and a gradient', () => {
    tf.tidy(() => {
      const constant = tf.ones<tf.Rank.R4>([4, 3, 2, 5]);
      const { value, grad } = tf.valueAndGrad((x) => similarityLoss(x as tf.Tensor4D, oneHot(labels, 3)))(
        constant,
      );
      expect(Number.isFinite(value.dataSync()[0])).toBe(true);
      expect(grad.dataSync().every(Number.isFinite)).toBe(true);
    });
  });
});
