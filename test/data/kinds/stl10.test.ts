import { mkdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { loadStl10 } from '../../../src/data/kinds/stl10.js';
import { inMemory, temporaryFolders, userMessage } from '../helpers.js';
import { fuzz, mutated } from '../../formats/fuzz.js';
import { fuzzRuns } from '../../support/fuzz.js';

const temporaryFolder = temporaryFolders();

const NAMES = ['airplane', 'bird', 'car', 'cat', 'deer', 'dog', 'horse', 'monkey', 'ship', 'truck'];
const counts = { train: 3, test: 2 };
const IMAGE_BYTES = 96 * 96 * 3;

/** The byte of image `image` at row `y`, column `x` of channel `c`. */
const value = (image: number, y: number, x: number, c: number): number =>
  (image * 31 + y * 5 + x * 7 + c * 11) % 251;

/** Each channel a plane, each plane column by column. */
function planes(first: number, count: number): Buffer {
  const bytes = Buffer.alloc(count * IMAGE_BYTES);
  let at = 0;
  for (let image = first; image < first + count; image++) {
    for (let c = 0; c < 3; c++) {
      for (let x = 0; x < 96; x++) for (let y = 0; y < 96; y++) bytes[at++] = value(image, y, x, c);
    }
  }
  return bytes;
}

function write(): { dir: string; path: (file: string) => string } {
  const dir = temporaryFolder();
  const folder = join(dir, 'stl10_binary');
  mkdirSync(folder);
  writeFileSync(join(folder, 'train_X.bin'), planes(0, counts.train));
  writeFileSync(join(folder, 'train_y.bin'), Buffer.of(10, 1, 3));
  writeFileSync(join(folder, 'test_X.bin'), planes(3, counts.test));
  writeFileSync(join(folder, 'test_y.bin'), Buffer.of(2, 9));
  writeFileSync(join(folder, 'class_names.txt'), NAMES.join('\r\n'));
  return { dir, path: (file) => join(folder, file) };
}

test('planes stored column by column become rows of pixels; label 1 is class 0', async () => {
  const { dir } = write();
  const { train, test: held, ...rest } = await loadStl10(dir, counts);
  expect(rest).toEqual({
    name: 'stl10',
    classes: NAMES,
    imageShape: [96, 96, 3],
    mean: [0.5, 0.5, 0.5],
    std: [0.5, 0.5, 0.5],
    augmentation: { crop: { kind: 'padded', pad: 4, padMode: 'zero' }, flip: true },
  });
  expect([...train.labels]).toEqual([9, 0, 2]);
  expect([...held.labels]).toEqual([1, 8]);
  const expected = Buffer.alloc(5 * IMAGE_BYTES);
  let at = 0;
  for (let image = 0; image < 5; image++) {
    for (let y = 0; y < 96; y++) {
      for (let x = 0; x < 96; x++) for (let c = 0; c < 3; c++) expected[at++] = value(image, y, x, c);
    }
  }
  expect(Buffer.concat([inMemory(train).images, inMemory(held).images]).equals(expected)).toBe(true);
  expect(inMemory(train).images.buffer).toBeInstanceOf(SharedArrayBuffer);
});

describe('refused, on one line', () => {
  test('a missing set or file, with how to get it', async () => {
    const { dir, path } = write();
    rmSync(path('test_X.bin'));
    const message = await userMessage(() => loadStl10(dir, counts));
    expect(message).toContain(`${path('test_X.bin')} is missing: run locallearn data fetch stl10, or`);
    expect(await userMessage(() => loadStl10(join(dir, 'nowhere')))).toContain('class_names.txt is missing');
  });

  test('files that are cut or too long, and by default any but the official size', async () => {
    const { dir, path } = write();
    truncateSync(path('train_X.bin'), 80_000);
    expect(await userMessage(() => loadStl10(dir, counts))).toBe(
      `${path('train_X.bin')}: expected 82944 bytes, found 80000; the file is truncated, get it anew`,
    );
    truncateSync(path('train_y.bin'), 4);
    expect(await userMessage(() => loadStl10(dir, counts))).toContain(
      `${path('train_y.bin')}: expected 3 bytes, found 4; the file is not the official one`,
    );
    expect(await userMessage(() => loadStl10(dir))).toContain('train_y.bin: expected 5000 bytes, found 4');
  });

  test.each([0, 11])('the label %i', async (label) => {
    const { dir, path } = write();
    writeFileSync(path('test_y.bin'), Buffer.of(1, label));
    expect(await userMessage(() => loadStl10(dir, counts))).toBe(
      `${path('test_y.bin')}: label 1: expected 1 to 10, found ${label}`,
    );
  });

  test('too few class names', async () => {
    const { dir, path } = write();
    writeFileSync(path('class_names.txt'), 'cat\n');
    expect(await userMessage(() => loadStl10(dir, counts))).toContain(
      `${path('class_names.txt')}: expected 10 class names, found 1`,
    );
  });
});

describe('mutated files: a data set or a user error, nothing larger than the images there should be', () => {
  const one = { train: 1, test: 1 };
  test.each(['train_X.bin', 'train_y.bin'])('%s', async (file) => {
    const { dir, path } = write();
    for (const [name, size] of [
      ['train_X.bin', IMAGE_BYTES],
      ['test_X.bin', IMAGE_BYTES],
    ] as const) {
      truncateSync(path(name), size);
    }
    for (const name of ['train_y.bin', 'test_y.bin']) truncateSync(path(name), 1);
    const { read, refused, largest } = await fuzz(
      mutated(readFileSync(path(file))),
      path(file),
      (content) => {
        writeFileSync(path(file), content);
        return loadStl10(dir, one);
      },
    );
    expect(read).toBeGreaterThan(fuzzRuns(50));
    expect(refused).toBeGreaterThan(fuzzRuns(500));
    expect(largest).toBeLessThanOrEqual(4 * IMAGE_BYTES);
  });
});
