import fc from 'fast-check';
import { expect, test } from 'vitest';
import { UserError } from '../../src/core/errors.js';
import { parseSize } from '../../src/core/size.js';

test.each([
  ['2GB', 2e9],
  ['2 GB', 2e9],
  ['1.5GiB', 1.5 * 2 ** 30],
  ['900mb', 9e8],
  ['64 KiB', 65_536],
  ['10kB', 10_000],
  ['123', 123],
  ['123B', 123],
  ['5e8', 5e8],
  ['0.5 TB', 5e11],
])('%s is so many bytes', (text, bytes) => {
  expect(parseSize(text, '--budget')).toBe(bytes);
});

test.each(['', 'GB', '2XB', '-2GB', '0', '0.2', '1e30', '2GB2', '2,5GB', 'Infinity', 'NaN', '0x10'])(
  '"%s" is refused in one line',
  (text) => {
    expect(() => parseSize(text, '--budget')).toThrow(UserError);
    expect(() => parseSize(text, '--budget')).toThrow(/^--budget: must be a size such as .*$/);
  },
);

test('is a whole number of bytes or refused, whatever the text', () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      let bytes: number;
      try {
        bytes = parseSize(text, 'size');
      } catch (error) {
        expect(error).toBeInstanceOf(UserError);
        return;
      }
      expect(Number.isSafeInteger(bytes) && bytes >= 1).toBe(true);
    }),
  );
});
