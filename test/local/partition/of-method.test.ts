import { expect, test } from 'vitest';
import { z } from 'zod';
import { greedy } from '../../../src/local/methods/greedy.js';
import { bp } from '../../../src/local/methods/bp.js';
import { partitionOf, takesBlocks, withPartition } from '../../../src/local/partition/of-method.js';
import { methodOf } from '../../support/method.js';

test('a method can be told how many blocks there shall be if its schema has the option', () => {
  expect([takesBlocks(greedy), takesBlocks(bp)]).toEqual([true, false]);
});

test('what a method says of where to cut is read from its options', () => {
  expect(partitionOf(methodOf({ method: 'man', blocks: 3, cuts: 'balanced' }))).toEqual({
    ...{ blocks: 3, cuts: 'balanced' },
  });
  expect(partitionOf(methodOf({ method: 'bp' }))).toEqual({});
  const other = { ...greedy, options: z.strictObject({ cuts: z.boolean() }) };
  expect(partitionOf({ method: other, options: { cuts: true } })).toEqual({});
});

test('what is told anew takes the place of all that it said, the other options stay', () => {
  const named = methodOf({ method: 'auglocal', depth: 3, cuts: ['stem'] });
  expect(withPartition(named, { blocks: 4 })).toEqual(
    methodOf({ method: 'auglocal', depth: 3, blocks: 4 }).options,
  );
});

test.each([
  [methodOf({ method: 'bp' }), { blocks: 2 }, 'bp: has no option blocks that says where to cut'],
  [methodOf({ method: 'man' }), { blocks: 1 }, 'man: blocks: must be at least 2, not 1'],
])('what a method does not take is refused', (method, partition, message) => {
  expect(() => withPartition(method, partition)).toThrow(message);
});
