import tf = require('@tensorflow/tfjs');
import { expect, it } from 'vitest';
import { variableGradients } from '../../src/engine/recording.js';
import { outsideTape } from '../../src/engine/tape.js';
import { startEngine } from '../support/engine.js';

await startEngine('cpu');

/** x, telling what is in use when its gradient is there. */
const watched = (x: tf.Tensor, tell: (bytes: number) => void): tf.Tensor =>
  tf.customGrad(() => ({
    value: tf.add(x, 0),
    gradFunc: (dy: tf.Tensor) => {
      tell(tf.memory().numBytes);
      return dy.clone();
    },
  }))(x);

it('are TensorFlow.js’s, and what was added to another gradient is not held', () => {
  const variable = tf.tidy(() => tf.variable(tf.ones([1000])));
  let bytes = 0;
  const f = (): tf.Scalar => {
    let x = watched(variable, (used) => (bytes = used));
    // Each map is read three times, by ops that keep nothing.
    for (let i = 0; i < 4; i++) x = tf.addN([x, tf.mul(x, 2), tf.mul(x, 3)]);
    return tf.mean(x);
  };
  const before = tf.memory().numTensors;
  const theirs = outsideTape(() => tf.variableGrads(f, [variable]));
  const theirBytes = bytes;
  const expected = [theirs.value, theirs.grads[variable.name]!].map((each) => each.dataSync());
  tf.dispose(theirs);
  const { value, gradients } = variableGradients(f, [variable]);
  expect([value, gradients.get(variable)!].map((each) => each.dataSync())).toEqual(expected);
  // Of each of the four maps two gradients.
  expect(theirBytes - bytes).toBeGreaterThanOrEqual(4 * 2 * 4000);
  tf.dispose([value, ...gradients.values()]);
  expect(tf.memory().numTensors).toBe(before);
  variable.dispose();
});

it('are right where an op gives one tensor as the gradient of several inputs', () => {
  const [a, b] = [tf.variable(tf.scalar(2)), tf.variable(tf.scalar(3))];
  const sum = tf.customGrad((x, y) => ({
    value: tf.add(x as tf.Tensor, y as tf.Tensor),
    gradFunc: (dy: tf.Tensor) => [dy, dy],
  }));
  const { gradients } = variableGradients(() => {
    const s = sum(a, b);
    return tf.add(s, tf.mul(a, 5));
  }, [a, b]);
  expect([a, b].map((each) => gradients.get(each)!.dataSync()[0])).toEqual([6, 1]);
});

it('name an op that has none', () => {
  const variable = tf.variable(tf.tensor1d([1, 2]));
  const largest = (): tf.Scalar => tf.sum(tf.topk(variable, 1).values);
  expect(() => variableGradients(largest, [variable])).toThrow(/no gradient of the op TopK/);
});
