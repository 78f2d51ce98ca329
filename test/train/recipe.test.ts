import { expect, it } from 'vitest';
import { trainOptionsSchema } from '../../src/train/options.js';
import { papersSgd } from '../../src/train/sgd.js';

it('is what a config trains with that says nothing else', () => {
  expect(papersSgd).toEqual({ momentum: 0.9, nesterov: true, weightDecay: 1e-4 });
  const section = trainOptionsSchema.parse({ epochs: 1, batchSize: 8, learningRate: 0.1 });
  expect(section).toMatchObject(papersSgd);
});
