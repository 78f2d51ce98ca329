import { expect, it } from 'vitest';
import { definedAt, rememberPlace } from '../../src/core/defined-at.js';
import { framesOf } from '../../src/core/stack.js';

it('finds the places of a stack, as modules, scripts and loaders write them', () => {
  const stack = [
    'TypeError: x is not a function',
    '    at build (file:///home/me/my%20code/own.ts:12:5)',
    '    at new Net (/home/me/(old) code/net.cjs:3:1)',
    '    at async file:///home/me/main.mjs:1:7',
    '    at async Promise.all (index 0)',
    '    at node:internal/modules:1:2',
  ].join('\n');
  expect(framesOf(stack)).toEqual([
    { file: '/home/me/my code/own.ts', line: 12, column: 5 },
    { file: '/home/me/(old) code/net.cjs', line: 3, column: 1 },
    { file: '/home/me/main.mjs', line: 1, column: 7 },
  ]);
});

it('remembers where something was first defined, and of anything else nothing', () => {
  const define = (what: unknown): void => rememberPlace(what, define);
  const [thing, other] = [{}, {}];
  define(thing);
  const place = definedAt(thing);
  expect(place).toMatch(/stack\.test\.ts:\d+$/);
  define(thing);
  expect(definedAt(thing)).toBe(place);
  define(undefined);
  define('text');
  expect(definedAt(other)).toBeUndefined();
});
