import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Dataset } from '../../../src/data/dataset.js';
import { loadCifar10 } from '../../../src/data/kinds/cifar10.js';
import { loadCifar100 } from '../../../src/data/kinds/cifar100.js';
import { readClassNames } from '../../../src/data/kinds/class-names.js';
import { inMemory, temporaryFolders, userMessage } from '../helpers.js';
import type { CifarName } from './cifar-files.js';
import { CIFAR10_CLASSES, cifarCounts, cifarFiles, pixelsOf, writeCifarBinary } from './cifar-files.js';
import { fuzz, mutated } from '../../formats/fuzz.js';
import { fuzzRuns } from '../../support/fuzz.js';
import { channelMoments } from './moments.js';

/** Node reads files in pieces of this size; tables of the readers' own are smaller. */
const READING = 64 * 1024;

const temporaryFolder = temporaryFolders();

const load = (name: CifarName, dir: string): Promise<Dataset> =>
  (name === 'cifar10' ? loadCifar10 : loadCifar100)(dir, cifarCounts(name));

function write(name: CifarName): { dir: string; path: (file: string) => string } {
  const dir = temporaryFolder();
  const folder = writeCifarBinary(dir, name);
  return { dir, path: (file) => join(folder, file) };
}

test.each(['cifar10', 'cifar100'] as const)(
  '%s: records become NHWC images in the files’ order, with their labels',
  async (name) => {
    const { dir, path } = write(name);
    const dataset = await load(name, dir);
    const files = cifarFiles(name);
    expect([dataset.name, dataset.imageShape, dataset.source]).toEqual([name, [32, 32, 3], path('.')]);
    expect(dataset.augmentation).toEqual({
      crop: { kind: 'padded', pad: 4, padMode: 'reflect' },
      flip: true,
    });
    for (const [split, of] of [
      [dataset.train, files.slice(0, -1)],
      [dataset.test, files.slice(-1)],
    ] as const) {
      const { images, labels, size } = inMemory(split);
      expect(size).toBe(labels.length);
      expect([...labels]).toEqual(of.flatMap((file) => file.labels));
      expect([...images]).toEqual(of.flatMap((file) => file.planes).flatMap(pixelsOf));
    }
  },
);

test('CIFAR-10’s and CIFAR-100’s class names, means and deviations', async () => {
  const ten = await load('cifar10', write('cifar10').dir);
  const hundred = await load('cifar100', write('cifar100').dir);
  expect(ten.classes).toEqual(CIFAR10_CLASSES);
  expect(hundred.classes.slice(0, 2)).toEqual(['thing_0', 'thing_1']);
  expect(hundred.classes).toHaveLength(100);
  expect(hundred.mean.map((mean) => mean * 255)).toEqual([129.3, 124.1, 112.4]);
  expect(ten.std.map((std) => std * 255)).toEqual([63.0, 62.1, 66.7]);
});

describe('refused, on one line', () => {
  test('a missing set or file, with how to get it', async () => {
    const { dir, path } = write('cifar10');
    rmSync(path('data_batch_3.bin'));
    const message = await userMessage(() => load('cifar10', dir));
    expect(message).toContain(`${path('data_batch_3.bin')} is missing`);
    expect(message).toContain('https://www.cs.toronto.edu/~kriz/cifar.html');
    expect(message).toContain('datasets/README.md');
    expect(await userMessage(() => load('cifar100', dir))).toContain(
      `${join(dir, 'cifar-100-binary')} is missing, and so is cifar-100-python beside it: run locallearn data fetch cifar100, or`,
    );
    rmSync(path('batches.meta.txt'));
    expect(await userMessage(() => load('cifar10', dir))).toContain('batches.meta.txt is missing');
  });

  test('a truncated file, with the bytes expected and found', async () => {
    const { dir, path } = write('cifar10');
    truncateSync(path('test_batch.bin'), 5000);
    expect(await userMessage(() => load('cifar10', dir))).toBe(
      `${path('test_batch.bin')}: expected 6146 bytes, found 5000; the file is truncated, get it anew`,
    );
  });

  test('the official size is asked for by default', async () => {
    const ten = write('cifar10');
    expect(await userMessage(() => loadCifar10(ten.dir))).toContain(
      `${ten.path('data_batch_1.bin')}: expected 30730000 bytes, found 6146`,
    );
    const hundred = write('cifar100');
    expect(await userMessage(() => loadCifar100(hundred.dir))).toContain(
      `${hundred.path('train.bin')}: expected 153700000 bytes, found 6148`,
    );
  });

  test('a file that is too long', async () => {
    const { dir, path } = write('cifar10');
    writeFileSync(path('data_batch_2.bin'), Buffer.alloc(3 * 3073));
    expect(await userMessage(() => load('cifar10', dir))).toContain(
      'expected 6146 bytes, found 9219; the file is not the official one',
    );
  });

  test.each([
    ['cifar10', 'data_batch_2.bin', 3073, 10, 'record 1: expected a label 0 to 9, found 10'],
    ['cifar100', 'train.bin', 3074, 20, 'record 1: expected a label 0 to 19, found 20'],
    ['cifar100', 'train.bin', 1, 100, 'record 0: expected a label 0 to 99, found 100'],
  ] as const)('%s: a label out of range in %s, with its record', async (name, file, at, label, message) => {
    const { dir, path } = write(name);
    const content = readFileSync(path(file));
    content[at] = label;
    writeFileSync(path(file), content);
    expect(await userMessage(() => load(name, dir))).toBe(`${path(file)}: ${message}`);
  });

  test.each([
    ['airplane\nbird\n', 'expected 10 class names, found 2, get the file anew'],
    ['x'.repeat(5000), 'expected 10 class names, found 5000 bytes'],
    [
      `${CIFAR10_CLASSES.join('\n')}`.replace('frog', 'cat'),
      'the class name "cat" stands there twice, get the file anew',
    ],
  ])('wrong class names', async (text, message) => {
    const { dir, path } = write('cifar10');
    writeFileSync(path('batches.meta.txt'), text);
    expect(await userMessage(() => load('cifar10', dir))).toBe(`${path('batches.meta.txt')}: ${message}`);
  });

  test('a folder or a pipe where a file should be', async () => {
    const { dir, path } = write('cifar10');
    const names = path('batches.meta.txt');
    rmSync(names);
    mkdirSync(names);
    const message = `${names} is no file, but a folder, pipe or device`;
    expect(await userMessage(() => load('cifar10', dir))).toBe(message);
    rmSync(names, { recursive: true });
    execFileSync('mkfifo', [names]);
    expect(await userMessage(() => load('cifar10', dir))).toBe(message);
  });
});

describe('mutated files: a data set or a user error, nothing larger than the images there should be', () => {
  test.each([
    ['cifar10', 'data_batch_1.bin'],
    ['cifar100', 'train.bin'],
  ] as const)('%s: %s', async (name, file) => {
    const { dir, path } = write(name);
    const files = mutated(readFileSync(path(file)));
    const { read, refused, largest } = await fuzz(files, path(file), (content) => {
      writeFileSync(path(file), content);
      return load(name, dir);
    });
    expect(read).toBeGreaterThan(fuzzRuns(100));
    expect(refused).toBeGreaterThan(fuzzRuns(500));
    expect(largest).toBeLessThanOrEqual(Math.max(cifarCounts(name).train * 3072, READING));
  });

  test('class names', async () => {
    const path = write('cifar10').path('batches.meta.txt');
    const { read, refused, largest } = await fuzz(mutated(readFileSync(path)), path, (content) => {
      writeFileSync(path, content);
      return readClassNames(path, 10, 'help');
    });
    expect(read).toBeGreaterThan(fuzzRuns(100));
    expect(refused).toBeGreaterThan(fuzzRuns(100));
    expect(largest).toBeLessThanOrEqual(READING);
  });
});

const real = new URL('../../../datasets/cifar10/', import.meta.url).pathname;

describe.skipIf(!existsSync(join(real, 'cifar-10-batches-bin')))('the data set in datasets/cifar10', () => {
  test('has 5,000 and 1,000 images a class and the published mean and deviation', async () => {
    const { train, test: held, mean, std, classes } = await loadCifar10(real);
    expect(classes).toEqual(CIFAR10_CLASSES);
    const counts = (labels: Uint16Array): number[] => {
      const found = Array<number>(10).fill(0);
      for (const label of labels) found[label]!++;
      return found;
    };
    expect(counts(train.labels)).toEqual(Array(10).fill(5000));
    expect(counts(held.labels)).toEqual(Array(10).fill(1000));
    for (const [c, found] of channelMoments(inMemory(train).images, 3).entries()) {
      expect(Math.abs(found.mean / 255 - mean[c]!)).toBeLessThan(0.005);
      expect(Math.abs(found.std / 255 - std[c]!)).toBeLessThan(0.005);
    }
  });
});
