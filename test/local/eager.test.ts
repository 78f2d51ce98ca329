import tf = require('@tensorflow/tfjs');
import { beforeAll, describe, expect, test } from 'vitest';
import { eagerSum } from '../../src/local/eager.js';
import { startEngine } from '../support/engine.js';

beforeAll(async () => {
  await startEngine();
});

describe('an eager loss', () => {
  test('has the value and the gradients of the ordinary one, scaled from outside', () => {
    const before = tf.memory().numTensors;
    tf.tidy(() => {
      const weight = tf.variable(
        tf.tensor2d([
          [0.5, -1],
          [2, 0.3],
        ]),
      );
      const x = tf.tensor2d([
        [1, 2],
        [-3, 4],
      ]);
      const loss = (input: tf.Tensor): tf.Scalar =>
        tf.mean(tf.square(tf.matMul(input as tf.Tensor2D, weight)));
      const shaped = (input: tf.Tensor): tf.Tensor => tf.tanh(tf.mul(input, 0.3));
      const both = [
        (input: tf.Tensor) => tf.mul(loss(shaped(input)), 3),
        (input: tf.Tensor) => tf.mul(eagerSum(shaped(input), [{ variables: [weight], loss }]), 3),
      ].map((f) => {
        const { value, grads } = tf.valueAndGrads((...tensors) => f(tensors[0]!) as tf.Scalar)([x, weight]);
        return [value, ...grads].map((tensor) => [...tensor.dataSync()]);
      });
      both[0]!.flat().forEach((value, i) => expect(both[1]!.flat()[i]).toBeCloseTo(value, 5));
      weight.dispose();
    });
    expect(tf.memory().numTensors).toBe(before);
  });

  test('keeps the gradients alone, and frees what it computed', () => {
    tf.tidy(() => {
      const weight = tf.variable(tf.ones([4]));
      const { numTensors } = tf.memory();
      let during = 0;
      tf.variableGrads(() => {
        const x = tf.ones([4]);
        const loss = eagerSum(x, [
          { variables: [weight], loss: (input) => tf.sum(tf.exp(tf.exp(tf.mul(input, weight)))) },
        ]);
        during = tf.memory().numTensors - numTensors;
        return loss;
      }, [weight]);
      // x, the loss, and the two gradients.
      expect(during).toBeLessThanOrEqual(4);
      weight.dispose();
    });
  });
});
