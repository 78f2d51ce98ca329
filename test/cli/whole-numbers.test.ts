import { expect, it } from 'vitest';
import { wholeNumbers } from '../../src/cli/whole-numbers.js';

it('reads numbers and ranges in their order', () => {
  expect(wholeNumbers('7')).toEqual([7]);
  expect(wholeNumbers('3,1,2')).toEqual([3, 1, 2]);
  expect(wholeNumbers('1-3,0,8-8')).toEqual([1, 2, 3, 0, 8]);
});

it.each(['', ',', '1,', '1-', '-1', '3-1', '1-2-3', '1.5', 'x', '1-99999999999', '0-9999,10000'])(
  'takes %j for no list',
  (text) => expect(wholeNumbers(text)).toBeUndefined(),
);
