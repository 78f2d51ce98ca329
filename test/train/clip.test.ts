import tf = require('@tensorflow/tfjs');
import { beforeAll, expect, it } from 'vitest';
import { UserError } from '../../src/core/errors.js';
import type { Strategy } from '../../src/local/strategy.js';
import type { LocalUpdate } from '../../src/local/update.js';
import { clipOption } from '../../src/train/clip.js';
import { sgd } from '../../src/train/sgd.js';
import { planSteps, trainStep, type UpdateRecipe } from '../../src/train/step.js';
import { startEngine } from '../support/engine.js';
import { tinyBatch } from '../support/tiny.js';

beforeAll(async () => {
  await startEngine();
});

/** Two updates, whose gradients are given, of a variable each and one that they share; how far a step takes these. */
function moved(recipe: UpdateRecipe): number[] {
  const variables = [0, 0, 0].map((value) => tf.tidy(() => tf.variable(tf.scalar(value))));
  const [a, b, shared] = variables as [tf.Variable, tf.Variable, tf.Variable];
  const update = (name: string, own: readonly (readonly [tf.Variable, number])[]): LocalUpdate => ({
    name,
    variables: own.map(([variable]) => variable),
    forward: () => ({
      loss: tf.addN(own.map(([variable, gradient]) => tf.mul(variable, gradient))) as tf.Scalar,
      streams: {},
    }),
  });
  const updates = [
    update('block 1', [
      [a, 3],
      [shared, 4],
    ]),
    update('head', [
      [b, -12],
      [shared, 5],
    ]),
  ];
  const optimizer = sgd({ momentum: 0, nesterov: false, weightDecay: 0 });
  const before = tf.memory().numTensors;
  tf.tidy(() => {
    const strategy = { name: 'test', updates } as unknown as Strategy;
    trainStep(strategy, planSteps(updates, recipe), optimizer, 1, tinyBatch(2));
  });
  expect(tf.memory().numTensors).toBe(before);
  const values = variables.map((variable) => -variable.dataSync()[0]!);
  tf.dispose(variables);
  optimizer.dispose();
  return values;
}

const expectClose = (found: readonly number[], wanted: readonly number[]): void =>
  wanted.forEach((value, i) => expect(found[i]).toBeCloseTo(value, 5));

it('clips each update’s gradients by themselves, before those of a shared variable are added', () => {
  expectClose(moved({}), [3, -12, 9]);
  // Norms 5 and 13.
  expectClose(moved({ clip: { norm: 6.5 } }), [3, -6, 4 + 2.5]);
  expectClose(moved({ clip: { norm: 1 } }), [3 / 5, -12 / 13, 4 / 5 + 5 / 13]);
  expectClose(moved({ clip: { value: 3.5 } }), [3, -3.5, 7]);
});

it('takes factors of the rate by update; that of a shared variable is its last update’s', () => {
  expectClose(moved({ rateFactors: { 'block 1': 0.5 } }), [1.5, -12, 9]);
  expectClose(moved({ rateFactors: { head: 0 } }), [3, 0, 0]);
  expect(() => moved({ rateFactors: { head: 1, 'blok 1': 2 } })).toThrow(
    new UserError(
      'train.rateFactors: there is no update "blok 1" (did you mean "block 1"?); the updates are block 1, head',
    ),
  );
});

it('is by norm or by value', () => {
  expect(clipOption.parse({ norm: 2 })).toEqual({ norm: 2 });
  for (const clip of [{}, { norm: 1, value: 1 }, { norm: 0 }]) {
    expect(clipOption.safeParse(clip).success).toBe(false);
  }
});
