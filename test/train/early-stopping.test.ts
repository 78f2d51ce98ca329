import { expect, test } from 'vitest';
import { hasStalled } from '../../src/train/early-stopping.js';

const after = (accuracies: readonly number[], patience: number, minDelta = 0): boolean =>
  hasStalled(
    accuracies.map((evaluationAccuracy) => ({ evaluationAccuracy })),
    { patience, minDelta },
  );

test.each([
  ['nothing was trained', [], 1, 0, false],
  ['it rises', [0.1, 0.2, 0.3], 1, 0, false],
  ['the last is no better', [0.1, 0.2, 0.2], 1, 0, true],
  ['patience is not at its end', [0.1, 0.2, 0.2], 2, 0, false],
  ['the best is two epochs ago', [0.1, 0.3, 0.2, 0.2], 2, 0, true],
  ['a late rise starts anew', [0.3, 0.2, 0.2, 0.4], 2, 0, false],
  ['what is gained is too little', [0.3, 0.305, 0.309], 2, 0.01, true],
  ['small gains that add up count', [0.3, 0.306, 0.312], 2, 0.01, false],
] as const)('%s', (_, accuracies, patience, minDelta, expected) => {
  expect(after(accuracies, patience, minDelta)).toBe(expected);
});

test('without a word on it nothing ends early', () => {
  expect(hasStalled([{ evaluationAccuracy: 0.2 }, { evaluationAccuracy: 0.1 }], undefined)).toBe(false);
});
