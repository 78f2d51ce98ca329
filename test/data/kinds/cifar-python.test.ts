import { readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Dataset } from '../../../src/data/dataset.js';
import { loadCifar10 } from '../../../src/data/kinds/cifar10.js';
import { loadCifar100 } from '../../../src/data/kinds/cifar100.js';
import { temporaryFolders, userMessage } from '../helpers.js';
import type { CifarName } from './cifar-files.js';
import { cifarBatch, cifarCounts, cifarFiles, writeCifarBinary, writeCifarPython } from './cifar-files.js';
import { fuzz, mutated } from '../../formats/fuzz.js';
import { pickleOf } from '../../formats/pickle-writer.js';
import { fuzzRuns } from '../../support/fuzz.js';

/** Node reads files in pieces of this size; tables of the readers' own are smaller. */
const READING = 64 * 1024;

const temporaryFolder = temporaryFolders();

const load = (name: CifarName, dir: string): Promise<Dataset> =>
  (name === 'cifar10' ? loadCifar10 : loadCifar100)(dir, cifarCounts(name));

function write(name: CifarName): { dir: string; path: (file: string) => string } {
  const dir = temporaryFolder();
  const folder = writeCifarPython(dir, name);
  return { dir, path: (file) => join(folder, file) };
}

test.each(['cifar10', 'cifar100'] as const)('%s: the same as the binary version', async (name) => {
  const python = write(name);
  const binary = temporaryFolder();
  const folder = writeCifarBinary(binary, name);
  const expected = await load(name, binary);
  expect(await load(name, python.dir)).toEqual({ ...expected, source: python.path('.') });
  // With both at hand, the binary one is taken, and the data set says so.
  writeCifarPython(binary, name);
  expect((await load(name, binary)).source).toBe(folder);
});

test('an array whose first index runs fastest', async () => {
  const { dir, path } = write('cifar100');
  const expected = await load('cifar100', dir);
  const [file] = cifarFiles('cifar100');
  const columns = Buffer.from(
    Array.from({ length: 3072 * 2 }, (_, i) => file!.planes[i % 2]![Math.floor(i / 2)]!),
  );
  const pickle = pickleOf({
    ...cifarBatch('cifar100', file!),
    data: { rows: 2, columns: 3072, content: columns },
  });
  // The flag before the content: NEWFALSE to NEWTRUE.
  const flag = pickle.lastIndexOf('tb\x89', undefined, 'latin1') + 2;
  pickle[flag] = 0x88;
  writeFileSync(path('train'), pickle);
  expect(await load('cifar100', dir)).toEqual(expected);
});

describe('refused, on one line', () => {
  const [first] = cifarFiles('cifar10');
  const batch = cifarBatch('cifar10', first!);
  const wide = { rows: 1, columns: 2 * 3072, content: Buffer.alloc(2 * 3072) };
  test.each([
    ['no dictionary', ['x'.repeat(6144)], 'expected a dictionary, get the file anew'],
    ['no labels', { ...batch, labels: undefined }, 'expected 2 labels, found no list, get the file anew'],
    ['too few labels', { ...batch, labels: [1] }, 'expected 2 labels, found 1, get the file anew'],
    ['a label out of range', { ...batch, labels: [1, 10] }, 'labels 1: expected 0 to 9, found 10'],
    ['a negative label', { ...batch, labels: [-1, 1] }, 'labels 0: expected 0 to 9, found -1'],
    ['a label that is text', { ...batch, labels: ['one', 1] }, 'labels 0: expected 0 to 9, found no number'],
    ['no images', { ...batch, data: 'x'.repeat(6144) }, 'data: expected 2×3072 u1, found no array'],
    ['images of another shape', { ...batch, data: wide }, 'data: expected 2×3072 u1, found 1×6144 u1'],
  ])('%s', async (_, content, message) => {
    const { dir, path } = write('cifar10');
    const given = Object.entries(content as object).filter(([, value]) => value !== undefined);
    const file = Array.isArray(content) ? (content as string[]) : (Object.fromEntries(given) as typeof batch);
    writeFileSync(path('data_batch_2'), pickleOf(file));
    expect(await userMessage(() => load('cifar10', dir))).toBe(`${path('data_batch_2')}: ${message}`);
  });

  test('a missing, a cut and a huge file', async () => {
    const { dir, path } = write('cifar10');
    truncateSync(path('data_batch_5'), 6000);
    expect(await userMessage(() => load('cifar10', dir))).toMatch(
      /data_batch_5: expected 6144 to \d+ bytes, found 6000; the file is truncated, get it anew$/,
    );
    truncateSync(path('data_batch_5'), 10 ** 9);
    expect(await userMessage(() => load('cifar10', dir))).toMatch(
      /data_batch_5: expected 6144 to \d+ bytes, found 1000000000; the file is not the official one/,
    );
    rmSync(path('data_batch_5'));
    expect(await userMessage(() => load('cifar10', dir))).toContain(
      `${path('data_batch_5')} is missing: run`,
    );
  });

  test.each([
    [{ num_vis: 3072 }, 'expected 10 class names, found 0'],
    [{ label_names: ['cat', 'dog'] }, 'expected 10 class names, found 2'],
    [{ label_names: [1, 2] }, 'expected label_names to be strings'],
  ])('class names: %j', async (meta, message) => {
    const { dir, path } = write('cifar10');
    writeFileSync(path('batches.meta'), pickleOf(meta));
    expect(await userMessage(() => load('cifar10', dir))).toContain(`${path('batches.meta')}: ${message}`);
  });

  test('a file that would run code', async () => {
    const { dir, path } = write('cifar100');
    writeFileSync(path('meta'), '\x80\x02cos\nsystem\nU\x04true\x85R.', 'latin1');
    expect(await userMessage(() => load('cifar100', dir))).toBe(
      `${path('meta')}: byte 2: asks for os.system, which no array is made with; get the file anew`,
    );
  });
});

describe('mutated files: a data set or a user error, nothing larger than the images there should be', () => {
  test.each([
    ['cifar10', 'data_batch_1'],
    ['cifar100', 'train'],
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
});
