import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readThrift, type ThriftStruct } from '../../src/formats/thrift.js';
import { thrift, type Written } from './thrift-writer.js';

const whole = fc.integer({ min: -(2 ** 50), max: 2 ** 50 });

const { fields } = fc.letrec<{ fields: Written; value: Written[number][1] }>((tie) => ({
  fields: fc.uniqueArray(fc.tuple(fc.integer({ min: 1, max: 60 }), tie('value')), {
    selector: ([id]) => id,
    maxLength: 5,
    depthIdentifier: 'struct',
  }),
  value: fc.oneof(
    { depthIdentifier: 'struct', maxDepth: 4 },
    whole,
    fc.boolean(),
    fc.string({ unit: 'binary-ascii' }),
    fc.array(whole, { maxLength: 20 }),
    tie('fields').map((struct) => ({ struct })),
  ),
}));

/** What there is to be read of it. */
const kept = (written: Written): ThriftStruct => ({
  numbers: new Map(
    written.flatMap(([id, value]) => (typeof value === 'number' ? [[id, value] as const] : [])),
  ),
  flags: new Map(
    written.flatMap(([id, value]) => (typeof value === 'boolean' ? [[id, value] as const] : [])),
  ),
  structs: new Map(
    written.flatMap(([id, value]) =>
      typeof value === 'object' && 'struct' in value ? [[id, kept(value.struct)] as const] : [],
    ),
  ),
});

describe('structs of thrift', () => {
  it('give their numbers and structs, and the bytes that they take', () => {
    fc.assert(
      fc.property(fields, fc.array(fc.nat({ max: 255 }), { maxLength: 9 }), (written, rest) => {
        const bytes = thrift(written);
        expect(readThrift(Uint8Array.from([...bytes, ...rest]))).toEqual({
          struct: kept(written),
          length: bytes.length,
        });
      }),
    );
  });

  it('are refused wherever they are cut', () => {
    fc.assert(
      fc.property(fields, fc.nat(), (written, cut) => {
        const bytes = thrift(written);
        expect(() => readThrift(Uint8Array.from(bytes.slice(0, cut % bytes.length)))).toThrow(Error);
      }),
    );
  });

  it.each([
    [
      'a list of 2^31 numbers',
      [0x19, 0xf6, 0x80, 0x80, 0x80, 0x80, 0x08, 0],
      '2147483648 items are said to follow in 1 bytes',
    ],
    ['a text of 200 bytes', [0x18, 0xc8, 0x01, 65, 0], '200 bytes are said to follow, of 2'],
    ['a number without end', [0x16, ...Array<number>(20).fill(0x80)], 'a number has more than 64 bits'],
    ['a map', [0x1b, 0], 'a value is of kind 11, which Parquet does not use'],
    ['lists in lists in lists', Array<number>(99).fill(0x19), 'values are more than 32 deep'],
    ['structs in structs', Array<number>(99).fill(0x1c), 'values are more than 32 deep'],
  ])('are refused with %s', (_, bytes, message) => {
    expect(() => readThrift(Uint8Array.from(bytes))).toThrow(new Error(message));
  });
});
