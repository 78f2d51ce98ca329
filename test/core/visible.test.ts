import { expect, it } from 'vitest';
import { shown } from '../../src/core/shown.js';
import { visible } from '../../src/core/visible.js';

it('spells out what would break a line, or is no character', () => {
  expect(visible('a\nb\u2028\u0007')).toBe('a\\nb\\u2028\\u0007');
  expect(visible('\ud800 \udc00\ud83d\ude00\uffff')).toBe('\\ud800 \\udc00\ud83d\ude00\\uffff');
});

it('cuts a long text between characters', () => {
  expect(shown('\ud83d\ude00'.repeat(300))).toBe(`${'\ud83d\ude00'.repeat(200)}…`);
});
