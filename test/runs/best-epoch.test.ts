import { expect, it } from 'vitest';
import { bestEpoch } from '../../src/runs/best-epoch.js';
import { epochMetrics } from './helpers.js';

it('is the first of the most accurate', () => {
  const best = (...accuracies: number[]): number | undefined =>
    bestEpoch(accuracies.map((evaluationAccuracy, i) => epochMetrics(i + 1, { evaluationAccuracy })));
  expect([best(), best(0.1), best(0.1, 0.3, 0.3, 0.2)]).toEqual([undefined, 1, 2]);
});
