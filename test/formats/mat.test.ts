import { readFileSync } from 'node:fs';
import { deflateSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { MatArray } from '../../src/formats/mat.js';
import { readMat } from '../../src/formats/mat.js';
import { userMessage } from '../data/helpers.js';
import { fuzzRuns } from '../support/fuzz.js';
import { fuzz, mutated } from './fuzz.js';
import type { MatOrder } from './mat-writer.js';
import { bytesOf, compressed, element, matFile, matrix } from './mat-writer.js';

const fixture = (name: string): Buffer =>
  readFileSync(new URL(`../fixtures/formats/${name}.mat`, import.meta.url));

const read = (bytes: Uint8Array): ReadonlyMap<string, MatArray> => readMat(bytes, 'x.mat');

/** A double vector of a variable. */
const doubles = (order: MatOrder, name: string, values: number[], shape = [1, values.length]): Buffer =>
  matrix(
    order,
    { classNumber: 6, shape, name },
    element(order, 9, bytesOf(order, Float64Array.from(values))),
  );

/** Node unpacks into buffers of this size. */
const ZLIB_CHUNK = 16 * 1024;

/** A deflate stream ends in a checksum, so what is in it is changed before it is packed. */
const packed = (content: Uint8Array, claimed?: number): Buffer => {
  const variable = compressed('little', content);
  if (claimed !== undefined) variable.writeUInt32LE(claimed, 4);
  return matFile('little', [variable]);
};

describe('what SciPy writes (test/fixtures/formats/make.py)', () => {
  const numeric = (className: string, values: object, shape: number[], logical = false): object => ({
    ...{ kind: 'numeric', className, logical, shape, values },
  });
  const text = (...rows: string[]): object => ({ kind: 'char', shape: [rows.length, rows[0]!.length], rows });
  test.each(['plain', 'compressed'])('%s', (name) => {
    expect(Object.fromEntries(read(fixture(name)))).toEqual({
      synsets: {
        kind: 'struct',
        shape: [2, 1],
        fields: ['ILSVRC2012_ID', 'WNID', 'words', 'children'],
        elements: [
          [
            numeric('double', Float64Array.of(1), [1, 1]),
            text('n00000001'),
            text('café, coffee'),
            numeric('double', Float64Array.of(), [0, 0]),
          ],
          [
            numeric('double', Float64Array.of(2), [1, 1]),
            text('n00000002'),
            text('tea'),
            numeric('double', Float64Array.of(3, 4), [1, 2]),
          ],
        ],
      },
      cells: {
        kind: 'cell',
        shape: [2, 2],
        cells: [
          numeric('int16', Int16Array.of(-5), [1, 1]),
          { ...numeric('double', Float64Array.of(1, 3), [1, 2]), imaginary: Float64Array.of(2, -4) },
          text('x'),
          { kind: 'cell', shape: [0, 0], cells: [] },
        ],
      },
      flags: numeric('uint8', Uint8Array.of(1, 0), [1, 2], true),
      large: numeric('int64', BigInt64Array.of(2n ** 62n, -3n), [1, 2]),
      bytes: numeric('uint8', Uint8Array.of(0, 3, 1, 4, 2, 5), [2, 3]),
      // Column-major: the first index runs fastest.
      cube: numeric(
        'single',
        Float32Array.from(
          { length: 24 },
          (_, i) => (i % 2) * 12 + (Math.floor(i / 2) % 3) * 4 + Math.floor(i / 6),
        ),
        [2, 3, 4],
      ),
      lines: text('abc', 'def'),
      whole: numeric('double', Float64Array.of(1, 2, 300), [1, 3]),
    });
  });
});

describe('both byte orders, every type', () => {
  const types = [
    [1, 8, Int8Array.of(-1, 2)],
    [2, 9, Uint8Array.of(255, 2)],
    [3, 10, Int16Array.of(-300, 2)],
    [4, 11, Uint16Array.of(65_000, 2)],
    [5, 12, Int32Array.of(-70_000, 2)],
    [6, 13, Uint32Array.of(2 ** 32 - 2, 2)],
    [7, 7, Float32Array.of(1.5, -2)],
    [9, 6, Float64Array.of(Math.PI, -2)],
    [12, 14, BigInt64Array.of(-(2n ** 60n), 2n)],
    [13, 15, BigUint64Array.of(2n ** 63n, 2n)],
    // MATLAB stores doubles that are small whole numbers as such.
    [2, 6, Uint8Array.of(255, 2)],
    [4, 6, Uint16Array.of(65_000, 2)],
  ] as const;
  for (const order of ['little', 'big'] as const) {
    for (const compress of [false, true]) {
      test(`${order}-endian, ${compress ? 'compressed' : 'plain'}`, () => {
        const variables = types.map(([type, classNumber, values], n) => {
          const data = bytesOf(order, values);
          const small = data.length <= 4 && n % 2 === 0;
          return matrix(
            order,
            { classNumber, shape: [2, 1], name: `v${n}` },
            element(order, type, data, small),
          );
        });
        const found = read(matFile(order, variables, compress));
        expect([...found.values()].map((array) => (array.kind === 'numeric' ? array.values : array))).toEqual(
          types.map(([, , values]) => values),
        );
      });
    }
    test(`${order}-endian text of every width`, () => {
      const units = Buffer.from('aé', 'utf16le');
      const wide = order === 'little' ? units : Buffer.from(units).swap16();
      const texts = [
        element(order, 16, Buffer.from('aé')),
        element(order, 17, wide),
        element(order, 4, wide),
        element(order, 2, Buffer.from('aé', 'latin1')),
      ].map((content, n) => matrix(order, { classNumber: 4, shape: [1, 2], name: `t${n}` }, content));
      const found = [...read(matFile(order, texts)).values()];
      expect(found).toEqual(Array(4).fill({ kind: 'char', shape: [1, 2], rows: ['aé'] }));
    });
  }
});

test('arrays of nothing, and what MATLAB leaves out', () => {
  const nothing = element('little', 14, Buffer.alloc(0));
  const file = matFile('little', [
    matrix('little', { classNumber: 4, shape: [0, 0], name: 'text' }),
    matrix('little', { classNumber: 1, shape: [1, 1], name: 'cell' }, nothing),
    matrix(
      'little',
      { classNumber: 2, shape: [1, 1], name: 'bare' },
      element('little', 5, bytesOf('little', Int32Array.of(32)), true),
      element('little', 1, Buffer.alloc(0)),
    ),
  ]);
  const found = read(file);
  expect(found.get('text')).toEqual({ kind: 'char', shape: [0, 0], rows: [] });
  expect(found.get('cell')).toMatchObject({ cells: [{ shape: [0, 0], values: new Float64Array(0) }] });
  expect(found.get('bare')).toEqual({ kind: 'struct', shape: [1, 1], fields: [], elements: [[]] });
  expect(read(matFile('little', [])).size).toBe(0);
});

describe('refused, on one line', () => {
  const little = (head: Parameters<typeof matrix>[1], ...content: Uint8Array[]): Buffer =>
    matFile('little', [matrix('little', head, ...content)]);
  const zeros = element('little', 9, Buffer.alloc(16));
  const header = matFile('little', []);
  const named = (at: number, ...bytes: number[]): Buffer => {
    const copy = Buffer.from(header);
    copy.set(bytes, at);
    return copy;
  };
  let nested = doubles('little', '', [1]);
  for (let i = 0; i < 40; i++) nested = matrix('little', { classNumber: 1, shape: [1, 1] }, nested);
  test.each([
    ['no header', header.subarray(0, 100), 'expected a header of 128 bytes, found 100'],
    ['another file', Buffer.alloc(200), 'no MATLAB 5 file: expected IM or MI at byte 126'],
    ['MATLAB 7.3', named(125, 2), 'a MATLAB 7.3 (HDF5) file; save it in MATLAB with the option -v7'],
    ['an unknown version', named(125, 3), 'expected version 1 of the format, found 3'],
    ['a cut tag', Buffer.concat([header, Buffer.alloc(5)]), "expected an element's 8 bytes, found 5"],
    ['a cut file', little({ classNumber: 6, shape: [1, 2] }, zeros).subarray(0, -8), 'an element claims'],
    [
      'a variable that is no array',
      Buffer.concat([header, zeros]),
      'expected an array, found an element of type 9',
    ],
    [
      'more numbers than there are',
      little({ classNumber: 6, shape: [2 ** 30, 2 ** 30] }, zeros),
      'found an element of type 9 with 16 bytes',
    ],
    [
      'fewer numbers than there are',
      little({ classNumber: 6, shape: [1, 1] }, zeros),
      'expected 1×1 numbers',
    ],
    [
      'no numbers',
      little({ classNumber: 6, shape: [1, 2] }, element('little', 16, Buffer.alloc(16))),
      'type 16',
    ],
    ['a negative size', little({ classNumber: 6, shape: [-1, 2] }, zeros), 'an array of the sizes -1×2'],
    ['one size', little({ classNumber: 6, shape: [2] }, zeros), 'an array of the sizes 2'],
    [
      'a long name',
      little({ classNumber: 6, shape: [1, 2], name: 'n'.repeat(64) }, zeros),
      'a name of 64 letters',
    ],
    [
      'a sparse array',
      little({ classNumber: 5, shape: [1, 2] }, zeros),
      'an array of class sparse, which is not read',
    ],
    ['a table', little({ classNumber: 17, shape: [1, 2] }, zeros), 'class opaque'],
    ['an unknown class', little({ classNumber: 99, shape: [1, 2] }, zeros), 'class number 99'],
    ['characters that are none', little({ classNumber: 4, shape: [1, 2] }, zeros), 'expected characters'],
    [
      'too few characters',
      little({ classNumber: 4, shape: [1, 2] }, element('little', 16, Buffer.from('a'))),
      'expected 1×2 characters, found 1',
    ],
    [
      'too many cells',
      little({ classNumber: 1, shape: [2 ** 30, 2] }),
      '1073741824×2 times 1 arrays cannot be in 0 bytes',
    ],
    [
      'structs out of nothing',
      little(
        { classNumber: 2, shape: [2 ** 30, 2] },
        element('little', 5, bytesOf('little', Int32Array.of(1)), true),
        element('little', 1, Buffer.alloc(0)),
      ),
      'cannot be in 0 bytes',
    ],
    [
      'a struct without names',
      little({ classNumber: 2, shape: [1, 1] }, zeros),
      'without a length of its field names',
    ],
    ['cells in one another', matFile('little', [nested]), 'more than 32 arrays in one another'],
    ['a compressed element that is cut', packed(doubles('little', 'a', [1])).subarray(0, -4), 'claims'],
    [
      'no deflate',
      matFile('little', [element('little', 15, Buffer.from('nonsense'))]),
      'variable 1: does not unpack (incorrect header check)',
    ],
    [
      'half a deflate',
      matFile('little', [
        element('little', 15, deflateSync(doubles('little', 'a', [1, 2, 3])).subarray(0, -6)),
      ]),
      'variable 1: does not unpack (unexpected end of file)',
    ],
    ['compressed nothing', packed(Buffer.alloc(0)), "expected an element's 8 bytes, found 0"],
    [
      'compressed: more than it claims',
      packed(Buffer.concat([doubles('little', 'a', [1]), Buffer.alloc(800)])),
      'does not unpack',
    ],
  ])('%s', async (_, bytes, message) => {
    const found = await userMessage(() => read(bytes));
    expect(found).toMatch(/^x\.mat: /);
    expect(found).toContain(message);
  });

  test('a bomb: more than can be in a deflate of that size', async () => {
    const liar = doubles('little', 'a', [1, 2, 3]);
    liar.writeUInt32LE(2 ** 32 - 16, 4);
    expect(await userMessage(() => read(packed(liar)))).toMatch(
      /variable 1: claims 4294967288 bytes, more than \d+ can unpack to/,
    );
  });

  test('a bomb that deflate can hold', async () => {
    const zeros = doubles('little', 'a', Array<number>(3 * 2 ** 20).fill(0));
    const file = packed(zeros);
    expect(file.length).toBeLessThan(30_000);
    expect(await userMessage(() => read(file))).toBe(
      `x.mat: variable 1: unpacks to ${zeros.length} bytes, expected 16777216 at most`,
    );
    expect(readMat(file, 'x.mat', 2 ** 25).get('a')?.shape).toEqual([1, 3 * 2 ** 20]);
  });

  test('two that are small enough one by one', async () => {
    const zeros = compressed('little', doubles('little', 'a', Array<number>(1000).fill(0)));
    const file = matFile('little', [zeros, zeros]);
    expect(await userMessage(() => readMat(file, 'x.mat', 10_000))).toMatch(
      /^x\.mat: variable 2: unpacks to 8056 bytes, expected 1944 at most$/,
    );
  });
});

describe('mutated files: variables or a user error, nothing larger than the file could hold', () => {
  const check = async (files: fc.Arbitrary<Buffer>, most: number): Promise<void> => {
    const { read: readable, refused, largest } = await fuzz(files, 'x.mat', read);
    expect(refused).toBeGreaterThan(fuzzRuns(500));
    expect(readable).toBeGreaterThan(0);
    expect(largest).toBeLessThanOrEqual(most);
  };

  test('plain', async () => {
    const base = fixture('plain');
    // A mutation may turn an element into one that says it is compressed.
    await check(mutated(base), Math.max(base.length + 256, ZLIB_CHUNK));
  });

  test('compressed', async () => {
    await check(mutated(fixture('compressed')), ZLIB_CHUNK);
  });

  test('changed before it was compressed', async () => {
    // The struct array: its checksum would otherwise hide what becomes of the rest.
    const all = fixture('plain').subarray(128);
    const structs = all.subarray(0, 8 + all.readUInt32LE(4));
    const files = mutated(structs).map((content) => matFile('little', [content], true));
    await check(files, ZLIB_CHUNK);
  });
});
