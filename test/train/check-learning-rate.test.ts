import { describe, expect, it } from 'vitest';
import { checkLearningRate, checkRateFactors } from '../../src/train/check-learning-rate.js';
import { trainOptionsSchema, type TrainSectionInput } from '../../src/train/options.js';

const check = (changes: Partial<TrainSectionInput>) => () =>
  checkLearningRate(trainOptionsSchema.parse({ epochs: 1, batchSize: 1, learningRate: 0.1, ...changes }));

it('refuses a single epoch of the default schedule, which ends with a rate of 0', () => {
  expect(check({})).toThrow(
    "train.schedule: 'cosine' ends with a learning rate of 0, which with train.epochs=1 is that of every step, so nothing would be learnt: choose train.schedule=cosine-steps or train.schedule=constant, or more epochs",
  );
});

it.each([1e-46, 1e-30, 9e-13])('refuses a rate of %s, which float32 loses', (learningRate) => {
  expect(check({ learningRate, schedule: 'constant' })).toThrow(
    new RegExp(
      `^train\\.learningRate: ${learningRate} is so small .*: raise it, to steps of 1e-12 at least$`,
    ),
  );
});

it.each<Partial<TrainSectionInput>>([
  { schedule: 'cosine-steps' },
  { schedule: 'constant' },
  { schedule: 'cosine-imagenet' },
  { schedule: 'step' },
  { epochs: 2 },
  { warmupEpochs: 1 },
  { schedule: 'constant', learningRate: 1e-12 },
  { epochs: 400, warmupEpochs: 10, learningRate: 0.8 },
])('takes %j', (changes) => {
  expect(check(changes)).not.toThrow();
});

describe('checkRateFactors', () => {
  const updates = ['first', 'toString', 'head'].map((name) => ({
    name,
    variables: [],
    forward: () => {
      throw new Error('not run');
    },
  }));

  it('refuses factors that hold every update still', () => {
    expect(() => checkRateFactors(updates, { rateFactors: { first: 0, ['toString']: 0, head: 0 } })).toThrow(
      'train.rateFactors: the factor of every update (first, toString, head) is 0, so nothing would be learnt: give one a factor above 0',
    );
  });

  it.each<Readonly<Record<string, number>> | undefined>([
    undefined,
    {},
    { first: 0, head: 0 },
    { first: 0, ['toString']: 0, head: 1e-9 },
  ])('takes %j', (rateFactors) => {
    expect(() => checkRateFactors(updates, { rateFactors })).not.toThrow();
  });
});
