import { expect, it } from 'vitest';
import { configDifferences } from '../../src/config/differences.js';

const config = {
  name: 'a',
  train: { epochs: 3, workers: 1, keep: 2 },
  data: { name: 'csv', file: 'x.csv' },
  method: { method: 'custom', loss: [{ name: 'cross-entropy' }], options: {} },
};

it('names every key whose value differs', () => {
  const other = {
    ...config,
    train: { ...config.train, epochs: 4, mixup: 0.2 },
    method: { method: 'custom', loss: [{ name: 'cross-\nentropy' }, 'similarity'], options: {} },
  };
  expect(configDifferences(config, structuredClone(config))).toEqual([]);
  expect(configDifferences(config, other)).toEqual([
    'train.epochs: 3 there, 4 here',
    'method.loss.0.name: "cross-entropy" there, "cross-\\nentropy" here',
    'train.mixup: not set there, 0.2 here',
    'method.loss.1: not set there, "similarity" here',
  ]);
});

it('leaves free what changes no number', () => {
  const moved = {
    ...config,
    train: { epochs: 3, workers: 4, keep: 1 },
    data: { name: 'csv', file: 'elsewhere/x.csv' },
  };
  expect(configDifferences(config, moved)).toEqual([]);
  const [failing, skipping] = ['fail', 'skip'].map((onBadImage) => ({ data: { onBadImage } }));
  expect(configDifferences(failing!, skipping!)).toEqual([]);
  expect(configDifferences(skipping!, failing!)).toEqual(['data.onBadImage: "skip" there, "fail" here']);
});
