import { existsSync, mkdirSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { loadCifar10 } from '../../src/data/cifar10.js';
import { randomStream } from '../../src/random.js';
import { temporaryFolders, userMessage } from './helpers.js';

const temporaryFolder = temporaryFolders();

const FILES = [1, 2, 3, 4, 5].map((n) => `data_batch_${n}.bin`).concat('test_batch.bin');
const NAMES = ['airplane', 'automobile', 'bird', 'cat', 'deer', 'dog', 'frog', 'horse', 'ship', 'truck'];

/** Six files of two records each, as the official binary version has them. */
function write(): { dir: string; path: (file: string) => string; contents: Buffer[] } {
  const dir = temporaryFolder();
  const folder = join(dir, 'cifar-10-batches-bin');
  mkdirSync(folder);
  const random = randomStream(3, 'cifar');
  const contents = FILES.map((file, f) => {
    const records = Buffer.alloc(2 * 3073);
    for (let i = 0; i < records.length; i++) records[i] = random.below(256);
    records[0] = f;
    records[3073] = 9 - f;
    writeFileSync(join(folder, file), records);
    return records;
  });
  writeFileSync(join(folder, 'batches.meta.txt'), `${NAMES.join('\n')}\n\n`);
  return { dir, path: (file) => join(folder, file), contents };
}

test('records become NHWC images in the files’ order, with their labels', async () => {
  const { dir, contents } = write();
  const dataset = await loadCifar10(dir, 2);
  expect(dataset.classes).toEqual(NAMES);
  expect(dataset.imageShape).toEqual([32, 32, 3]);
  expect([dataset.train.size, dataset.test.size]).toEqual([10, 2]);
  expect([...dataset.train.labels]).toEqual([0, 9, 1, 8, 2, 7, 3, 6, 4, 5]);
  expect([...dataset.test.labels]).toEqual([5, 4]);
  for (const [f, records] of contents.entries()) {
    const split = f < 5 ? dataset.train : dataset.test;
    for (let i = 0; i < 2; i++) {
      const image = (f < 5 ? 2 * f : 0) + i;
      const expected: number[] = [];
      for (let p = 0; p < 1024; p++) {
        for (let c = 0; c < 3; c++) expected.push(records[i * 3073 + 1 + c * 1024 + p]!);
      }
      expect([...split.images.subarray(image * 3072, (image + 1) * 3072)]).toEqual(expected);
    }
  }
});

describe('refused, on one line', () => {
  test('a missing folder or file, with how to get it', async () => {
    const { dir, path } = write();
    rmSync(path('data_batch_3.bin'));
    const message = await userMessage(() => loadCifar10(dir, 2));
    expect(message).toContain(`${path('data_batch_3.bin')} is missing`);
    expect(message).toContain('https://www.cs.toronto.edu/~kriz/cifar.html');
    expect(message).toContain('datasets/README.md');
    expect(await userMessage(() => loadCifar10(join(dir, 'nowhere'), 2))).toContain(
      `${join(dir, 'nowhere', 'cifar-10-batches-bin', 'batches.meta.txt')} is missing`,
    );
    rmSync(path('batches.meta.txt'));
    expect(await userMessage(() => loadCifar10(dir, 2))).toContain('batches.meta.txt is missing');
  });

  test('a truncated file, with the bytes expected and found', async () => {
    const { dir, path } = write();
    truncateSync(path('test_batch.bin'), 5000);
    expect(await userMessage(() => loadCifar10(dir, 2))).toContain(
      `${path('test_batch.bin')}: expected 6146 bytes, found 5000; the file is truncated`,
    );
  });

  test('the official size is asked for by default', async () => {
    const { dir, path } = write();
    expect(await userMessage(() => loadCifar10(dir))).toContain(
      `${path('data_batch_1.bin')}: expected 30730000 bytes, found 6146`,
    );
  });

  test('a file that is too long', async () => {
    const { dir, path } = write();
    writeFileSync(path('data_batch_2.bin'), Buffer.alloc(3 * 3073));
    expect(await userMessage(() => loadCifar10(dir, 2))).toContain(
      'expected 6146 bytes, found 9219; the file is not the official one',
    );
  });

  test('a label out of range, with its record', async () => {
    const { dir, path, contents } = write();
    contents[1]![3073] = 10;
    writeFileSync(path('data_batch_2.bin'), contents[1]!);
    expect(await userMessage(() => loadCifar10(dir, 2))).toBe(
      `${path('data_batch_2.bin')}: record 1: expected a label 0 to 9, found 10`,
    );
  });

  test.each([
    ['airplane\nbird\n', 'expected 10 class names, one a line, found 2'],
    ['x'.repeat(5000), 'expected 10 class names, found 5000 bytes'],
  ])('wrong class names', async (text, message) => {
    const { dir, path } = write();
    writeFileSync(path('batches.meta.txt'), text);
    expect(await userMessage(() => loadCifar10(dir, 2))).toBe(`${path('batches.meta.txt')}: ${message}`);
  });

  test('a folder where a file should be', async () => {
    const { dir, path } = write();
    rmSync(path('batches.meta.txt'));
    mkdirSync(path('batches.meta.txt'));
    expect(await userMessage(() => loadCifar10(dir, 2))).toMatch(
      /cannot read .*batches\.meta\.txt: EISDIR|class names/,
    );
  });

  test('any bytes of the right length are a data set or a user error', async () => {
    const { dir, path } = write();
    const record = fc.uint8Array({ minLength: 40, maxLength: 40 });
    let loaded = 0;
    let refused = 0;
    await fc.assert(
      fc.asyncProperty(fc.nat({ max: 14 }), record, async (label, noise) => {
        writeFileSync(path('data_batch_4.bin'), Buffer.concat([Buffer.of(label), Buffer.alloc(6145, noise)]));
        const read = loadCifar10(dir, 2);
        if (label > 9 || noise[3072 % 40]! > 9) {
          await expect(read).rejects.toThrow(/data_batch_4\.bin: record [01]: expected a label 0 to 9/);
          refused++;
        } else {
          expect((await read).train.labels[6]).toBe(label);
          loaded++;
        }
      }),
      { numRuns: 60, seed: 1 },
    );
    expect([loaded > 0, refused > 0]).toEqual([true, true]);
  });
});

const real = new URL('../../datasets/cifar10/', import.meta.url).pathname;

describe.skipIf(!existsSync(join(real, 'cifar-10-batches-bin')))('the data set in datasets/cifar10', () => {
  test('has 5,000 and 1,000 images a class and the published mean and deviation', async () => {
    const { train, test: held, mean, std, classes } = await loadCifar10(real);
    expect(classes).toEqual(NAMES);
    const counts = (labels: Uint8Array): number[] => {
      const found = Array<number>(10).fill(0);
      for (const label of labels) found[label]!++;
      return found;
    };
    expect(counts(train.labels)).toEqual(Array(10).fill(5000));
    expect(counts(held.labels)).toEqual(Array(10).fill(1000));
    for (let c = 0; c < 3; c++) {
      let sum = 0;
      let squares = 0;
      for (let i = c; i < train.images.length; i += 3) {
        sum += train.images[i]!;
        squares += train.images[i]! ** 2;
      }
      const n = train.images.length / 3;
      expect(Math.abs(sum / n / 255 - mean[c]!)).toBeLessThan(0.005);
      expect(Math.abs(Math.sqrt(squares / n - (sum / n) ** 2) / 255 - std[c]!)).toBeLessThan(0.005);
    }
  });
});
