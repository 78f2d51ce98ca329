import { expect, it } from 'vitest';
import { chooseEvaluation } from '../../../src/data/files/evaluation-split.js';

const offered = { path: 'list.csv', parts: 'rows', remedy: 'mark some as test' } as const;

it('takes the split that is asked for, else the only one', () => {
  expect(chooseEvaluation('val', { ...offered, splits: ['test', 'val'] })).toBe('val');
  expect(chooseEvaluation(undefined, { ...offered, splits: ['val'] })).toBe('val');
  expect(chooseEvaluation(undefined, { ...offered, splits: ['test'] })).toBe('test');
});

it('says which is missing, or that there are two, or none', () => {
  expect(() => chooseEvaluation('val', { ...offered, splits: ['test'] })).toThrow(
    'list.csv: no rows of the split val, and data.evaluateOn asks for it',
  );
  expect(() => chooseEvaluation(undefined, { ...offered, splits: ['test', 'val'] })).toThrow(
    'list.csv: both test and val rows are there: say with data.evaluateOn which to evaluate on',
  );
  expect(() => chooseEvaluation(undefined, { ...offered, splits: [] })).toThrow(
    'list.csv: no images to evaluate on: mark some as test, or hold out a share of the training images with data.validation',
  );
});
