import tf = require('@tensorflow/tfjs');
import { describe, expect, it } from 'vitest';
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

describe('gradients of a custom op', () => {
  type Gradients = (dy: tf.Tensor) => tf.Tensor | tf.Tensor[];
  const custom = (gradFunc: Gradients, ...inputs: tf.Tensor[]): tf.Tensor =>
    tf.customGrad((...xs) => ({ value: tf.addN(xs.slice(0, -1) as tf.Tensor[]), gradFunc }))(...inputs);
  const made = (values: number[]): tf.Variable => tf.tidy(() => tf.variable(tf.tensor1d(values)));

  it('may be one tensor for several inputs, which have others too', () => {
    const [a, b] = [made([1, 2]), made([3, 4])];
    const f = (): tf.Scalar => {
      const both = custom(
        (dy) => {
          const twice = tf.mul(dy, 2);
          return [twice, twice];
        },
        a,
        b,
      );
      return tf.sum(tf.addN([both, tf.mul(a, 10), tf.mul(b, 100), custom((dy) => tf.mul(dy, 3), a)]));
    };
    const before = tf.memory().numTensors;
    const { value, gradients } = variableGradients(f, [a, b]);
    expect([...gradients.values()].map((each) => [...each.dataSync()])).toEqual([
      [15, 15],
      [102, 102],
    ]);
    tf.dispose([value, ...gradients.values()]);
    expect(tf.memory().numTensors).toBe(before);
    tf.dispose([a, b]);
  });

  it('may be what the op goes on with: a variable, or what it keeps', () => {
    const [a, factor] = [made([1, 2]), made([5, 6])];
    let kept: tf.Tensor | undefined;
    for (let step = 0; step < 3; step++) {
      const { value, gradients } = variableGradients(() => {
        const first = custom(() => factor, a);
        const second = custom(() => (kept ??= tf.keep(tf.tensor1d([7, 8]))), a);
        return tf.sum(step === 0 ? second : tf.add(first, second));
      }, [a]);
      expect([...gradients.get(a)!.dataSync()]).toEqual(step === 0 ? [7, 8] : [12, 14]);
      tf.dispose([value, ...gradients.values()]);
    }
    tf.dispose([a, factor, kept!]);
  });

  it('must be of the shape and the type of what they are of', () => {
    const a = made([1, 2]);
    const loss = (gradFunc: Gradients) => () => tf.sum(tf.add(custom(gradFunc, a), a)) as tf.Scalar;
    const gradientsOf = (gradFunc: Gradients) => () => variableGradients(loss(gradFunc), [a]);
    const before = tf.memory().numTensors;
    expect(gradientsOf((dy) => tf.sum(dy))).toThrow(
      `the gradient of ${a.name} came as [] of float32, and must be [2] of float32`,
    );
    expect(gradientsOf((dy) => tf.cast(dy, 'int32'))).toThrow('came as [2] of int32');
    expect(tf.memory().numTensors).toBe(before);
    a.dispose();
  });

  it('are 1 for a variable that is the loss, which stays', () => {
    const loss = tf.tidy(() => tf.variable(tf.scalar(3)));
    const { value, gradients } = variableGradients(() => loss, [loss]);
    expect([value, gradients.get(loss)!].map((each) => each.dataSync()[0])).toEqual([3, 1]);
    tf.dispose([value, ...gradients.values()]);
    expect(loss.dataSync()[0]).toBe(3);
    loss.dispose();
  });
});
