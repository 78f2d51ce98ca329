import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parseImageJson } from '../../../src/data/kinds/image-json.js';
import { fuzzRuns } from '../../support/fuzz.js';
import { UserError } from '../../../src/core/errors.js';
import { userMessage } from '../helpers.js';

const parse = (text: string, pixels = 3): number[] => [
  ...parseImageJson(Buffer.from(text), pixels, 'x.json'),
];

test('reads what JSON.stringify writes, with any indentation, and passes over empty entries', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 6 }),
      fc.array(fc.option(fc.uint8Array({ minLength: 6, maxLength: 6 }))),
      fc.constantFrom(undefined, 1, '\t', '\r\n'),
      (pixels, images, indent) => {
        const data = images.map((image) => (image ? [...image.subarray(0, pixels)] : []));
        expect(parse(JSON.stringify({ data }, undefined, indent), pixels)).toEqual(data.flat());
      },
    ),
  );
});

describe('refused, naming the file, the image, what was expected and found', () => {
  test.each([
    ['{"data":[[1,2,3],[1,2]]}', 'x.json: image 1: expected 3 pixels, found 2'],
    ['{"data":[[1,2,3],[],[1,2,3,4,5]]}', 'x.json: image 2: expected 3 pixels, found 5'],
    ['{"data":[[1,2,256]]}', 'x.json: image 0, pixel 2: expected an integer 0 to 255, found "256"'],
    ['{"data":[[1,-2,3]]}', 'x.json: image 0, pixel 1: expected an integer 0 to 255, found "-2"'],
    ['{"data":[[1,2.5,3]]}', 'x.json: image 0, pixel 1: expected an integer 0 to 255, found "2.5"'],
    ['{"data":[[1,null,3]]}', 'x.json: image 0, pixel 1: expected an integer 0 to 255, found "null"'],
    ['{"data":[[1,,3]]}', 'x.json: image 0, pixel 1: expected an integer 0 to 255, found ","'],
    ['{"data":[[1 2,3]]}', 'x.json: image 0, pixel 0: expected an integer 0 to 255, found "1"'],
    ['{"data":[[1,2', 'x.json: image 0, pixel 1: expected an integer 0 to 255, found "2"'],
    ['{"data":[[1,2,', 'x.json: image 0, pixel 2: expected an integer 0 to 255, found the end of the file'],
    ['{"data":[[1,2,3],', 'x.json: image 1: expected [, found the end of the file'],
    ['{"data":[[1,2,3]', 'x.json: the end: expected ], found the end of the file'],
    ['{"data":[[1,2,3]]}{', 'x.json: expected the file to end, found "{"'],
    ['{"images":[[1,2,3]]}', 'x.json: the beginning: expected "data", found "\\"images\\":[[1"'],
    ['', 'x.json: the beginning: expected {, found the end of the file'],
  ])('%s', async (text, message) => {
    expect(await userMessage(() => parse(text))).toBe(message);
  });

  test('any damage gives images or a user error, and never more images than the file could hold', () => {
    const whole = Buffer.from(
      JSON.stringify({ data: Array.from({ length: 5 }, (_, i) => [i, 10 * i, 50 * i]) }),
    );
    const runs = fuzzRuns(2000);
    let refused = 0;
    fc.assert(
      fc.property(fc.nat({ max: whole.length - 1 }), fc.nat({ max: 255 }), fc.boolean(), (at, byte, cut) => {
        const damaged = Buffer.from(whole);
        damaged[at] = byte;
        const content = cut ? damaged.subarray(0, at) : damaged;
        try {
          expect(parseImageJson(content, 3, 'x.json').length).toBeLessThanOrEqual(15);
        } catch (error) {
          if (!(error instanceof UserError)) throw error;
          expect(error.message).toMatch(/^x\.json: .*expected .*, found [^\n]+$/);
          refused++;
        }
      }),
      { numRuns: runs },
    );
    expect(refused).toBeGreaterThan(runs / 2);
  });
});
