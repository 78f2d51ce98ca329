import { expect, it } from 'vitest';
import { mix } from '../../src/report/colours.js';

it('mixes colours in Oklab, as color-mix does in CSS', () => {
  expect(mix('#000000', '#ffffff', 0.5)).toBe('#636363');
  // As Chromium paints color-mix(in oklab, #08306b 25%, #e4ebf2), and the next with 40 %.
  expect(mix('#e4ebf2', '#08306b', 0.25)).toBe('#a9bad0');
  expect(mix('#c77700', '#c2447e', 0.4)).toBe('#c5664e');
  expect([mix('#c77700', '#3b2fa0', 0), mix('#c77700', '#3b2fa0', 1)]).toEqual(['#c77700', '#3b2fa0']);
});
