import fc from 'fast-check';
import protobuf from 'protobufjs';
import { describe, expect, it } from 'vitest';
import {
  bytesField,
  doubleField,
  floatField,
  integerField,
  message,
  messageField,
  textField,
  toBytes,
} from '../../src/formats/protobuf.js';

const { root } = protobuf.parse(`
  syntax = "proto3";
  message Inner { string text = 1; repeated bytes chunks = 2; }
  message Outer {
    int64 whole = 1; double wide = 2; float narrow = 3; repeated Inner inner = 200;
  }`);
const outer = root.lookupType('Outer');

const inner = fc.record({
  text: fc.string({ unit: 'binary', maxLength: 200 }),
  // Both sides of the size from which parts are kept as they are.
  chunks: fc.array(
    fc
      .tuple(fc.constantFrom(0, 1, 127, 128, 4095, 4096), fc.nat(255))
      .map(([n, byte]) => Buffer.alloc(n, byte)),
    { maxLength: 3 },
  ),
});

describe('a written message', () => {
  it('is read back by protobufjs', () => {
    fc.assert(
      fc.property(
        fc.record({
          whole: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
          wide: fc.double(),
          narrow: fc.float(),
          inner: fc.array(inner, { maxLength: 4 }),
        }),
        (value) => {
          const encoded = message([
            integerField(1, value.whole),
            doubleField(2, value.wide),
            floatField(3, value.narrow),
            ...value.inner.map(({ text, chunks }) =>
              messageField(200, [textField(1, text), ...chunks.map((chunk) => bytesField(2, chunk))]),
            ),
          ]);
          const bytes = toBytes(encoded);
          expect(bytes).toHaveLength(encoded.length);
          const asText = { longs: String, bytes: String, defaults: true, arrays: true };
          expect(outer.toObject(outer.decode(bytes), asText)).toEqual({
            ...value,
            whole: String(value.whole),
            inner: value.inner.map(({ text, chunks }) => ({
              text,
              chunks: chunks.map((chunk) => chunk.toString('base64')),
            })),
          });
        },
      ),
    );
  });

  it('keeps large values without a copy', () => {
    const large = new Uint8Array(1e6);
    const { parts } = messageField(1, [textField(1, 'a'), bytesField(2, large), textField(3, 'b')]);
    expect(parts).toHaveLength(3);
    expect(parts[1]).toBe(large);
  });
});
