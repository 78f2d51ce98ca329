import { describe, expect, it } from 'vitest';
import { crc32c, record } from '../../src/formats/tfrecord.js';

describe('crc32c', () => {
  it('gives the checksums of RFC 3720, B.4', () => {
    const ascending = Uint8Array.from({ length: 32 }, (_, i) => i);
    expect(crc32c(new Uint8Array(32)).toString(16)).toBe('8a9136aa');
    expect(crc32c(new Uint8Array(32).fill(255)).toString(16)).toBe('62a8ab43');
    expect(crc32c(ascending).toString(16)).toBe('46dd794e');
    expect(crc32c(ascending.toReversed()).toString(16)).toBe('113fdb5c');
  });
});

it("a record of 24 bytes begins as TensorFlow's event files do", () => {
  const bytes = record(new Uint8Array(24));
  expect(bytes.subarray(0, 12).toString('hex')).toBe('1800000000000000a37f4b22');
  expect(bytes).toHaveLength(40);
});
