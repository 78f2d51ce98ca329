import { parse } from 'csv-parse/sync';
import * as fc from 'fast-check';
import { expect, it } from 'vitest';
import { csvText } from '../../src/core/csv-text.js';

it('is read back cell for cell', () => {
  const cell = fc.string({ unit: fc.constantFrom('a', '"', ',', '\n', '\r', ' ', 'ä', '0'), minLength: 1 });
  fc.assert(
    fc.property(fc.array(fc.tuple(cell, cell, cell), { minLength: 1 }), (rows) => {
      expect(parse(csvText(rows), { recordDelimiter: '\n' })).toEqual(rows);
    }),
  );
});

it('has numbers as they are', () => {
  expect(csvText([['a', 1e-7, 0.1]])).toBe('a,1e-7,0.1\n');
});
