import { afterEach, expect, test } from 'vitest';
import { formerly, onFormerName, withNewNames } from '../../src/core/former-names.js';
import { collectFormerNames } from '../support/former-names.js';

const lines = collectFormerNames();
afterEach(() => lines.splice(0));

test('a map has the new names, and a line on each old one, once', () => {
  const names = { core: 'kernel', edge: 'rim' };
  expect(withNewNames({ edge: 1, core: 2, size: 3 }, names, 'a pan')).toEqual({ rim: 1, kernel: 2, size: 3 });
  withNewNames({ edge: 1 }, names, 'a pan');
  expect(lines).toEqual([
    'a pan: edge is called rim now; the old name still works in this release',
    'a pan: core is called kernel now; the old name still works in this release',
  ]);
});

test('of both names the later one counts', () => {
  expect(withNewNames({ lid: 1, cover: 2 }, { lid: 'cover' }, 'a pot')).toEqual({ cover: 2 });
  expect(withNewNames({ cover: 2, lid: 1 }, { lid: 'cover' }, 'a pot')).toEqual({ cover: 1 });
});

test('what every object has is no former name', () => {
  expect(withNewNames({ constructor: 1, toString: 2 }, {}, 'a jug')).toEqual({ constructor: 1, toString: 2 });
  expect(lines).toEqual([]);
  const odd = withNewNames(JSON.parse('{ "__proto__": { "lid": 1 }, "size": 2 }') as object, {}, 'a jug');
  expect(Object.keys(odd)).toEqual(['__proto__', 'size']);
  expect(odd['lid']).toBeUndefined();
});

test('a function under its old name does the same, and says so', () => {
  const sum = formerly('plus', 'sum', (a: number, b: number) => a + b);
  expect(sum(1, 2)).toBe(3);
  expect(lines).toEqual(['locallearn: plus is called sum now; the old name still works in this release']);
});

test('lines go where they are asked to', () => {
  const others: string[] = [];
  const before = onFormerName((line) => others.push(line));
  withNewNames({ handle: 1 }, { handle: 'grip' }, 'a cup');
  onFormerName(before);
  expect([lines.length, others.length]).toEqual([0, 1]);
});
