import { rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { deflateRawSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { loadSvhn } from '../../../src/data/kinds/svhn.js';
import { inMemory, temporaryFolders, userMessage } from '../helpers.js';
import { fuzz, mutated } from '../../formats/fuzz.js';
import type { MatOrder } from '../../formats/mat-writer.js';
import { bytesOf, compressed, element, matFile, matrix } from '../../formats/mat-writer.js';
import { fuzzRuns } from '../../support/fuzz.js';

const temporaryFolder = temporaryFolders();

const counts = { train: 4, extra: 3, test: 2 };
type Part = keyof typeof counts;

const value = (image: number, y: number, x: number, c: number): number =>
  (image * 31 + y * 5 + x * 7 + c * 11) % 251;

/** The first image of each file, counted over all. */
const first: Record<Part, number> = { train: 0, extra: 4, test: 7 };

/** `[32, 32, 3, N]`, the first index running fastest. */
function images(order: MatOrder, part: Part, count = counts[part]): Buffer {
  const bytes = Buffer.alloc(count * 3072);
  let at = 0;
  for (let image = first[part]; image < first[part] + count; image++) {
    for (let c = 0; c < 3; c++) {
      for (let x = 0; x < 32; x++) for (let y = 0; y < 32; y++) bytes[at++] = value(image, y, x, c);
    }
  }
  return matrix(order, { classNumber: 9, shape: [32, 32, 3, count], name: 'X' }, element(order, 2, bytes));
}

/** Of MATLAB's class double, but stored as bytes, as MATLAB does with whole numbers. */
function labels(order: MatOrder, values: readonly number[], shape = [values.length, 1]): Buffer {
  const data = Buffer.from(values);
  return matrix(order, { classNumber: 6, shape, name: 'y' }, element(order, 2, data, data.length <= 4));
}

const LABELS: Record<Part, readonly number[]> = { train: [10, 1, 9, 5], extra: [3, 10, 2], test: [10, 4] };

function write(order: MatOrder = 'little', compress = true): { dir: string; path: (part: Part) => string } {
  const dir = temporaryFolder();
  const path = (part: Part): string => join(dir, `${part}_32x32.mat`);
  for (const part of ['train', 'extra', 'test'] as const) {
    writeFileSync(path(part), matFile(order, [images(order, part), labels(order, LABELS[part])], compress));
  }
  return { dir, path };
}

/** Rows of pixels, from the definition. */
function pixels(from: number, count: number): number[] {
  return Array.from({ length: count * 3072 }, (_, i) => {
    const [image, place, c] = [Math.floor(i / 3072), Math.floor(i / 3) % 1024, i % 3];
    return value(from + image, Math.floor(place / 32), place % 32, c);
  });
}

describe('what is read', () => {
  test.each([
    ['little', true],
    ['little', false],
    ['big', true],
    ['big', false],
  ] as const)('%s-endian, compressed: %s', async (order, compress) => {
    const { dir } = write(order, compress);
    const { train, test: held, ...rest } = await loadSvhn(dir, {}, counts);
    expect(rest).toEqual({
      name: 'svhn',
      classes: ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9'],
      imageShape: [32, 32, 3],
      mean: [0.5, 0.5, 0.5],
      std: [0.5, 0.5, 0.5],
      augmentation: { crop: { kind: 'padded', pad: 2, padMode: 'zero' }, flip: false },
    });
    // Label 10 is the digit 0.
    expect([...train.labels]).toEqual([0, 1, 9, 5]);
    expect([...held.labels]).toEqual([0, 4]);
    expect([...inMemory(train).images]).toEqual(pixels(0, 4));
    expect([...inMemory(held).images]).toEqual(pixels(7, 2));
  });

  test('with `extra`, its images come after those for training', async () => {
    const { dir } = write();
    const { train } = await loadSvhn(dir, { extra: true }, counts);
    expect([...train.labels]).toEqual([0, 1, 9, 5, 3, 0, 2]);
    expect([...inMemory(train).images]).toEqual(pixels(0, 7));
    expect(inMemory(train).images.buffer).toBeInstanceOf(SharedArrayBuffer);
  });

  test('labels stored as doubles, variables in another order, one that is not asked for', async () => {
    const { dir, path } = write();
    const expected = await loadSvhn(dir, {}, counts);
    const y = matrix(
      'big',
      { classNumber: 6, shape: [4, 1], name: 'y' },
      element('big', 9, bytesOf('big', Float64Array.from(LABELS.train))),
    );
    const other = matrix(
      'big',
      { classNumber: 6, shape: [1, 1], name: 'z' },
      element('big', 2, Buffer.of(1), true),
    );
    writeFileSync(path('train'), matFile('big', [y, other, images('big', 'train')], true));
    expect(await loadSvhn(dir, {}, counts)).toEqual(expected);
  });
});

describe('refused, on one line', () => {
  const order = 'little';
  const X = images(order, 'train');
  const y = labels(order, LABELS.train);
  const doubled = matrix(
    order,
    { classNumber: 6, shape: [32, 32, 3, 4], name: 'X' },
    element(order, 9, Buffer.alloc(8 * 4 * 3072)),
  );
  const large = matrix(
    order,
    { classNumber: 9, shape: [32, 32, 3, 4], name: 'X' },
    element(order, 2, Buffer.alloc(3072)),
  );
  const half = compressed(order, X);
  const claims = Buffer.from(X);
  claims.writeUInt32LE(2 ** 32 - 8, 4);
  const noise = Buffer.from(compressed(order, X));
  noise.fill(0x55, 40, 80);
  test.each([
    [
      'another number of images',
      [images(order, 'train', 3), y],
      'X: expected 32×32×3×4 bytes, found 32×32×3×3, get the file anew',
    ],
    ['images of doubles', [doubled, y], 'X: expected 32×32×3×4 bytes, found 32×32×3×4 of type 9'],
    [
      'fewer bytes than the shape says',
      [large, y],
      'variable 1: 32×32×3×4 numbers do not take the 3072 bytes of type 2 claimed',
    ],
    ['another number of labels', [X, labels(order, [1, 2, 3])], 'y: expected 4×1 labels, found 3×1'],
    ['labels in a row', [X, labels(order, [1, 2, 3, 4], [1, 4])], 'y: expected 4×1 labels, found 1×4'],
    ['a label 0', [X, labels(order, [1, 0, 2, 3])], 'label 1: expected 1 to 10, found 0'],
    ['a label 11', [X, labels(order, [1, 2, 3, 11])], 'label 3: expected 1 to 10, found 11'],
    [
      'a label between two',
      [
        X,
        matrix(
          order,
          { classNumber: 6, shape: [4, 1], name: 'y' },
          element(order, 9, bytesOf(order, Float64Array.of(1, 2.5, 3, 4))),
        ),
      ],
      'label 1: expected 1 to 10, found 2.5',
    ],
    ['no labels', [X], 'the variable y is missing'],
    ['no images', [y], 'the variable X is missing'],
    ['two X', [X, X, y], 'two variables X'],
    [
      'text',
      [matrix(order, { classNumber: 4, shape: [1, 1], name: 'X' }, element(order, 16, Buffer.from('a')))],
      'variable 1: expected real numbers, found char',
    ],
    [
      'complex numbers',
      [
        matrix(
          order,
          { classNumber: 6, flags: 8, shape: [1, 1], name: 'X' },
          element(order, 2, Buffer.of(1), true),
          element(order, 2, Buffer.of(1), true),
        ),
      ],
      'found complex ones',
    ],
    [
      'more than it claims',
      [compressed(order, Buffer.concat([X, Buffer.alloc(9)])), y],
      'variable 1: holds more bytes than it claims',
    ],
    [
      'less than it claims',
      [compressed(order, X.subarray(0, -2000)), y],
      'claims 12288 bytes of numbers, found 10288',
    ],
    [
      'far more than it could hold',
      [compressed(order, claims), y],
      'variable 1: an array of 4294967288 bytes, the numbers in it need',
    ],
    ['nothing', [Buffer.from([15, 0, 0, 0, 0, 0, 0, 0])], 'the variable X is missing'],
    ['half of one', [half.subarray(0, -100)], 'are left in the file'],
    ['nonsense', [noise, y], 'variable 1: does not unpack ('],
    ['no array', [element(order, 9, Buffer.alloc(8)), y], 'expected an array, found an element of type 9'],
  ])('%s', async (_, variables, message) => {
    const { dir, path } = write();
    writeFileSync(path('train'), matFile(order, variables));
    const found = await userMessage(() => loadSvhn(dir, {}, counts));
    expect(found.startsWith(`${path('train')}: `)).toBe(true);
    expect(found).toContain(message);
  });

  test('a claim that fits together, but not into the file', async () => {
    const { dir, path } = write();
    // As many images as there should be; the rest of the file could hold them, but not this variable.
    const count = 300;
    const liar = images(order, 'train', count).subarray(0, 300);
    const noise = deflateRawSync(images(order, 'train', count));
    const rest = matrix(
      order,
      { classNumber: 9, shape: [1, noise.length], name: 'z' },
      element(order, 2, noise),
    );
    writeFileSync(path('train'), matFile(order, [liar, rest], true));
    const message = await userMessage(() => loadSvhn(dir, {}, { ...counts, train: count }));
    expect(message).toMatch(/variable 1: claims 921\d{3} bytes, the file can hold \d+ at most/);
  });

  test('missing and cut files, by default before anything is read', async () => {
    const { dir, path } = write();
    expect(await userMessage(() => loadSvhn(dir))).toMatch(
      /train_32x32\.mat: \d+ bytes cannot hold 73257 images; the file is truncated, get it anew/,
    );
    truncateSync(path('test'), 100);
    expect(await userMessage(() => loadSvhn(dir, {}, counts))).toContain(
      `${path('test')}: expected a header of 128 bytes, found 100`,
    );
    rmSync(path('extra'));
    expect(await userMessage(() => loadSvhn(dir, { extra: true }, counts))).toMatch(
      /extra_32x32\.mat is missing: run locallearn data fetch svhn .*, or get it from http:\/\/ufldl\.stanford\.edu\/housenumbers\//,
    );
  });
});

describe('mutated files: a data set or a user error, nothing larger than the file could hold', () => {
  /** What is unpacked and read comes in pieces of this size. */
  const PIECE = 64 * 1024;
  const one = { train: 1, extra: 0, test: 1 };
  const X = images('little', 'train', 1);
  const y = labels('little', [10]);
  test.each([
    ['plain', mutated(matFile('little', [X, y]))],
    ['compressed', mutated(matFile('little', [X, y], true))],
    ['changed before it was compressed', mutated(X).map((content) => matFile('little', [content, y], true))],
  ])('%s', async (_, files) => {
    const { dir, path } = write();
    writeFileSync(path('test'), matFile('little', [images('little', 'test', 1), labels('little', [1])]));
    const { read, refused, largest } = await fuzz(files, path('train'), (content) => {
      writeFileSync(path('train'), content);
      return loadSvhn(dir, {}, one);
    });
    expect(read).toBeGreaterThan(fuzzRuns(20));
    expect(refused).toBeGreaterThan(fuzzRuns(500));
    expect(largest).toBeLessThanOrEqual(PIECE);
  });
});
