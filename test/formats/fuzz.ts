import fc from 'fast-check';
import { expect } from 'vitest';
import { fuzzRuns } from '../support/fuzz.js';
import { UserError } from '../../src/core/errors.js';
import { watchAllocations } from './allocations.js';

type Edit = (content: Buffer) => Buffer;

const numbers = [0, 1, 2, 127, 128, 255, 256, 65_535, 65_536, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1];

/** Near the beginning, where headers are, as often as anywhere. */
const place = fc.oneof(fc.nat({ max: 300 }), fc.nat());

const edit: fc.Arbitrary<Edit> = fc.oneof(
  fc.tuple(place, fc.nat({ max: 7 })).map(([at, bit]): Edit => (content) => {
    const i = at % content.length;
    content[i] = content[i]! ^ (1 << bit);
    return content;
  }),
  fc.tuple(place, fc.nat({ max: 255 })).map(([at, byte]): Edit => (content) => {
    content[at % content.length] = byte;
    return content;
  }),
  // A header's field: one that is plausible, the largest, or near what was there.
  fc
    .tuple(place, fc.boolean(), fc.oneof(fc.constantFrom(...numbers), fc.integer({ min: -9, max: 9 })))
    .map(([place, littleEndian, number]): Edit => (content) => {
      if (content.length < 4) return content;
      const view = new DataView(content.buffer, content.byteOffset, content.length);
      const at = place % (content.length - 3);
      const value = number > 9 ? number : view.getUint32(at, littleEndian) + number;
      view.setUint32(at, value, littleEndian);
      return content;
    }),
  place.map(
    (at): Edit =>
      (content) =>
        content.subarray(0, at % content.length),
  ),
  fc.tuple(place, place, fc.nat({ max: 64 })).map(([from, to, length]): Edit => (content) => {
    const start = from % content.length;
    content.copy(content, to % content.length, start, start + length);
    return content;
  }),
  fc.tuple(place, place, fc.nat({ max: 64 })).map(([from, to, length]): Edit => (content) => {
    const start = from % content.length;
    const at = to % content.length;
    return Buffer.concat([
      content.subarray(0, at),
      content.subarray(start, start + length),
      content.subarray(at),
    ]);
  }),
  fc.tuple(place, fc.integer({ min: 1, max: 64 })).map(([from, length]): Edit => (content) => {
    const at = from % content.length;
    return Buffer.concat([content.subarray(0, at), content.subarray(at + length)]);
  }),
);

/** The content with one to four places changed, moved, added or cut. */
export function mutated(content: Uint8Array): fc.Arbitrary<Buffer> {
  return fc
    .array(edit, { minLength: 1, maxLength: 4 })
    .map((edits) =>
      edits.reduce<Buffer>(
        (found, change) => (found.length === 0 ? found : change(found)),
        Buffer.from(content),
      ),
    );
}

export interface Fuzzed {
  /** Files that were read all the same. */
  readonly read: number;
  readonly refused: number;
  /** Bytes of the largest array or buffer that was ever asked for. */
  readonly largest: number;
}

/**
 * Reads mutated files, 2,000 in CI unless it is said otherwise: each is read, or refused by a user error of one line that
 * names the file. Anything else that is thrown fails the test, and so does a reader that does not come back.
 */
export async function fuzz(
  files: fc.Arbitrary<Buffer>,
  path: string,
  read: (content: Buffer) => unknown,
  most = 2000,
): Promise<Fuzzed> {
  let [readable, refused, largest] = [0, 0, 0];
  await fc.assert(
    fc.asyncProperty(files, async (content) => {
      const watch = watchAllocations();
      try {
        await read(content);
        readable++;
      } catch (error) {
        if (!(error instanceof UserError)) throw error;
        expect(error.message).toMatch(/^[^\n]+$/);
        expect(error.message).toContain(path);
        refused++;
      } finally {
        largest = Math.max(largest, watch.stop());
      }
    }),
    { numRuns: fuzzRuns(most), endOnFailure: true },
  );
  return { read: readable, refused, largest };
}
