import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { UserError } from '../../src/core/errors.js';
import { readSafetensors, writeSafetensors, type SafeTensor } from '../../src/formats/safetensors.js';

let folder: string;
let path: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'locallearn-safetensors-'));
  path = join(folder, 'weights.safetensors');
});
afterAll(() => rmSync(folder, { recursive: true }));

/** A file with the header (text or a value for JSON) and the data, well-formed or not. */
function writeRaw(header: unknown, data = new Uint8Array(0)): void {
  const json = Buffer.from(typeof header === 'string' ? header : JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  writeFileSync(path, Buffer.concat([length, json, data]));
}

const tensor: fc.Arbitrary<SafeTensor> = fc.array(fc.nat(4), { maxLength: 4 }).chain((shape) => {
  const size = shape.reduce((a, b) => a * b, 1);
  const of = <T extends SafeTensor['values']>(array: fc.Arbitrary<T>): fc.Arbitrary<SafeTensor> =>
    array.map((values) => ({ shape, values }));
  const length = { minLength: size, maxLength: size };
  return fc.oneof(
    of(fc.float32Array(length)),
    of(fc.float64Array(length)),
    of(fc.int32Array(length)),
    of(fc.bigInt64Array(length)),
    of(fc.uint8Array(length)),
  );
});

describe('writing and reading', () => {
  it('gives back names, shapes, types, values and metadata', () => {
    const name = fc.string({ unit: 'grapheme' }).filter((text) => text !== '__metadata__');
    fc.assert(
      fc.property(
        fc.array(fc.tuple(name, tensor), { maxLength: 6 }),
        fc.dictionary(fc.string(), fc.string(), { maxKeys: 3 }),
        (entries, metadata) => {
          const tensors = new Map(entries);
          writeSafetensors(path, tensors, metadata);
          const read = readSafetensors(path);
          expect(new Map([...read.tensors].sort())).toEqual(new Map([...tensors].sort()));
          expect({ ...read.metadata }).toEqual({ ...metadata });
        },
      ),
      { numRuns: 100 },
    );
  });

  it('lays the file out as the format says', () => {
    const bias = { shape: [2], values: Float32Array.of(1, -2) };
    const count = { shape: [], values: BigInt64Array.of(7n) };
    writeSafetensors(
      path,
      new Map<string, SafeTensor>([
        ['bias', bias],
        ['count', count],
      ]),
      { format: 'pt' },
    );
    const bytes = readFileSync(path);
    const headerLength = Number(bytes.readBigUInt64LE(0));
    expect(headerLength % 8).toBe(0);
    const header = bytes.subarray(8, 8 + headerLength).toString();
    expect(JSON.parse(header)).toEqual({
      __metadata__: { format: 'pt' },
      count: { dtype: 'I64', shape: [], data_offsets: [0, 8] },
      bias: { dtype: 'F32', shape: [2], data_offsets: [8, 16] },
    });
    expect(header).toMatch(/^\{.*\} *$/);
    const data = bytes.subarray(8 + headerLength);
    expect(data.readBigInt64LE(0)).toBe(7n);
    expect([data.readFloatLE(8), data.readFloatLE(12), data.length]).toEqual([1, -2, 16]);
  });

  it('writes a part of a larger buffer as that part', () => {
    const values = new Float32Array([9, 1, 2, 9]).subarray(1, 3);
    writeSafetensors(path, new Map([['part', { shape: [2], values }]]));
    expect([...readSafetensors(path).tensors.get('part')!.values]).toEqual([1, 2]);
  });

  it('refuses a shape that does not fit and the reserved name', () => {
    const values = new Float32Array(3);
    expect(() => writeSafetensors(path, new Map([['w', { shape: [2], values }]]))).toThrow(/^w: shape \[2\]/);
    expect(() => writeSafetensors(path, new Map([['__metadata__', { shape: [3], values }]]))).toThrow(
      RangeError,
    );
  });
});

describe('a damaged file', () => {
  const f32 = (begin: number, end: number, shape: unknown = [(end - begin) / 4]): object => ({
    dtype: 'F32',
    shape,
    data_offsets: [begin, end],
  });
  it.each<[string, unknown, number, RegExp]>([
    ['a header that is not JSON', '{"a":', 0, /header is not JSON/],
    ['a header that is a list', [], 0, /not a JSON map/],
    ['a header with a space in front', ' {}', 0, /not a JSON map/],
    [
      'a name given twice',
      `{"a":${JSON.stringify(f32(0, 4))},"a":${JSON.stringify(f32(0, 4))}}`,
      4,
      /"a" twice/,
    ],
    ['an escaped name given twice', '{"a\\"":{"dtype":"U8"},"\\u0061\\"":{}}', 0, /twice/],
    ['a key given twice in an entry', '{"a":{"dtype":"F32","dtype":"F32"}}', 0, /"dtype" twice/],
    [
      'a type not known',
      { a: { dtype: 'F8', shape: [], data_offsets: [0, 1] } },
      1,
      /type "F8"; known are F64/,
    ],
    [
      'a type that is a property of every object',
      { a: { ...f32(0, 4), dtype: 'toString' } },
      4,
      /type "toString"/,
    ],
    ['a negative size', { a: f32(0, 4, [-1]) }, 4, /shape of a/],
    ['a shape that is text', { a: f32(0, 4, '1') }, 4, /shape of a/],
    ['a shape of the wrong size', { a: f32(0, 4, [2]) }, 4, /F32\[2\] takes 8 bytes, .* is 4/],
    ['sizes whose product is beyond all files', { a: f32(0, 4, [2 ** 40, 2 ** 40]) }, 4, /takes/],
    ['data outside the file', { a: f32(0, 8) }, 4, /a ends at byte/],
    ['a gap', { a: f32(4, 8) }, 8, /a begins at data byte 4 instead of 0/],
    ['an overlap', { a: f32(0, 8), b: f32(4, 12) }, 12, /b begins at data byte 4 instead of 8/],
    ['bytes after the last tensor', { a: f32(0, 4) }, 5, /the last tensor ends at byte/],
    ['ends in the wrong order', { a: { ...f32(0, 4), data_offsets: [4, 0] } }, 4, /from 4 to 0/],
    ['three offsets', { a: { ...f32(0, 4), data_offsets: [0, 4, 8] } }, 4, /two positions/],
    ['an unknown key', { a: { ...f32(0, 4), stride: 1 } }, 4, /unknown key "stride"/],
    ['an entry that is null', { a: null }, 0, /entry of a is not a map/],
    ['metadata that is not text', { __metadata__: { a: 1 } }, 0, /must map names to text/],
  ])('%s', (_, header, dataBytes, message) => {
    writeRaw(header, new Uint8Array(dataBytes));
    expect(() => readSafetensors(path)).toThrow(UserError);
    expect(() => readSafetensors(path)).toThrow(message);
  });

  it('is too short, announces too much, is no UTF-8, or is not there', () => {
    writeFileSync(path, Uint8Array.of(1, 0, 0));
    expect(() => readSafetensors(path)).toThrow(/3 bytes, too short/);
    writeFileSync(
      path,
      Uint8Array.from({ length: 16 }, () => 255),
    );
    expect(() => readSafetensors(path)).toThrow(/a header of 18446744073709551615 bytes/);
    writeFileSync(path, Uint8Array.of(3, 0, 0, 0, 0, 0, 0, 0, 0x7b, 0xff, 0x7d));
    expect(() => readSafetensors(path)).toThrow(/not JSON in UTF-8/);
    expect(() => readSafetensors(join(folder, 'none'))).toThrow(UserError);
    expect(() => readSafetensors(folder)).toThrow(UserError);
  });

  it('however it is cut or changed, gives a UserError or tensors that fit their shapes', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.string({ maxLength: 4 }), tensor), { minLength: 1, maxLength: 3 }),
        fc.array(fc.tuple(fc.nat(400), fc.nat(255)), { minLength: 1, maxLength: 4 }),
        fc.option(fc.nat(400)),
        (entries, changes, cut) => {
          writeSafetensors(path, new Map(entries.filter(([name]) => name !== '__metadata__')));
          const bytes = readFileSync(path);
          for (const [at, value] of changes) bytes[at % bytes.length] = value;
          writeFileSync(path, cut === null ? bytes : bytes.subarray(0, cut % bytes.length));
          try {
            for (const { shape, values } of readSafetensors(path).tensors.values()) {
              expect(values.length).toBe(shape.reduce((a, b) => a * b, 1));
            }
          } catch (error) {
            expect(error).toBeInstanceOf(UserError);
          }
        },
      ),
      { numRuns: 300 },
    );
  });
});

it.each([
  [Buffer.alloc(1_000_000), 'Uint8Array'],
  [new Array(1000).fill(7), 'Array'],
  [5, 'Number'],
  [undefined, 'Undefined'],
])('says what came in the place of a path, and not what is in it', (given, name) => {
  expect(() => readSafetensors(given as unknown as string)).toThrow(
    new UserError(`readSafetensors: the path of a file must be text, not ${name}`),
  );
});
