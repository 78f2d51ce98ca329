import { expect, it } from 'vitest';
import { checkLearningRate } from '../../src/train/check-learning-rate.js';
import { trainOptionsSchema, type TrainSectionInput } from '../../src/train/options.js';

const check = (changes: Partial<TrainSectionInput>) => () =>
  checkLearningRate(trainOptionsSchema.parse({ epochs: 1, batchSize: 1, learningRate: 0.1, ...changes }));

it('refuses a single epoch of the default schedule, which ends with a rate of 0', () => {
  expect(check({})).toThrow(
    "train.schedule: 'cosine' ends with a learning rate of 0, which with train.epochs=1 is that of every step, so nothing would be learnt: choose train.schedule=cosine-steps or train.schedule=constant, or more epochs",
  );
});

it('refuses a rate that float32 cannot tell from 0', () => {
  expect(check({ learningRate: 1e-46, schedule: 'constant' })).toThrow(
    /^train\.learningRate: 1e-46 is so small .*: raise it$/,
  );
  expect(check({ learningRate: 1e-44, schedule: 'constant' })).not.toThrow();
});

it.each<Partial<TrainSectionInput>>([
  { schedule: 'cosine-steps' },
  { schedule: 'constant' },
  { schedule: 'cosine-imagenet' },
  { schedule: 'step' },
  { epochs: 2 },
  { warmupEpochs: 1 },
  { epochs: 400, warmupEpochs: 10, learningRate: 0.8 },
])('takes %j', (changes) => {
  expect(check(changes)).not.toThrow();
});
