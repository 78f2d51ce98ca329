import { expect, it } from 'vitest';
import { parseBitRate } from '../../src/core/bit-rate.js';

it('is bytes a second', () => {
  expect(parseBitRate('25Gbit', '--link')).toBe(3.125e9);
  expect(parseBitRate('100 mbit/s', '--link')).toBe(12.5e6);
  expect(parseBitRate('1.6Tbit', '--link')).toBe(2e11);
});

it.each(['', '25', '25GB', '0Gbit', '-1Gbit', '25 Gbit/h'])('%j is none', (text) => {
  expect(() => parseBitRate(text, '--link')).toThrow(/^--link: must be the speed of a link/);
});
