import { cpSync, mkdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { UserError } from '../../../src/core/errors.js';
import { countParquetClasses } from '../../../src/data/files/parquet.js';
import { pathAt } from '../../../src/data/files/path-list.js';
import { plainBatches } from '../../../src/data/loader/plain-batches.js';
import { describeDataset, loadDataset } from '../../../src/data/registry.js';
import type { Split } from '../../../src/data/dataset.js';
import { subsetOf } from '../../../src/data/split.js';
import { fuzz, mutated } from '../../formats/fuzz.js';
import { temporaryFolders } from '../helpers.js';

const fixtures = join(import.meta.dirname, '../../fixtures/parquet');
const temporaryFolder = temporaryFolders();

/** A copy of fixtures that a test may spoil. */
function copied(name: string): string {
  const folder = join(temporaryFolder(), name);
  cpSync(join(fixtures, name), folder, { recursive: true });
  return folder;
}

const load = (dir: string, more: object = {}) =>
  loadDataset({ name: 'parquet', dir, imageSize: [6, 8], ...more }, 1);

/** The first pixel of each image as the loader gives it, and its class. */
async function seen(dataset: Awaited<ReturnType<typeof load>>, split: Split, workers = 0) {
  const found: (readonly [readonly number[], string])[] = [];
  for await (const { size, images, labels } of plainBatches(dataset, split, { workers, batchSize: 2 })) {
    for (let i = 0; i < size; i++) {
      found.push([[...images.subarray(i * 144, i * 144 + 3)], dataset.classes[labels[i]!]!]);
    }
  }
  return found;
}

/** As make.py draws them. */
const colour = (label: 'red' | 'blue' | 'green', row: number): readonly [readonly number[], string] => {
  const base = { red: [220, 20, 20], blue: [20, 20, 220], green: [20, 220, 20] }[label];
  return [base.map((value) => value + row), label];
};

describe('Parquet files', () => {
  it.each([0, 1])(
    'of Hugging Face: structs of images and named labels, in parts, %i workers',
    async (workers) => {
      const dataset = await load(join(fixtures, 'hub'), {
        augmentation: { crop: { kind: 'padded', pad: 0 } },
      });
      expect(dataset.classes).toEqual(['red', 'blue', 'green']);
      expect(dataset.evaluatedOn).toBe('test');
      const words = ['red', 'blue', 'green', 'blue', 'green', 'red'] as const;
      expect(await seen(dataset, dataset.train, workers)).toEqual(words.map((word, i) => colour(word, i)));
      const tested = (['blue', 'blue', 'red'] as const).map((word, i) => colour(word, 6 + i));
      expect(await seen(dataset, dataset.test, workers)).toEqual(tested);
      // A part of them still knows its own images.
      const { train } = dataset;
      const some = await seen(dataset, subsetOf(train, Uint32Array.of(4, 1)), workers);
      expect(some).toEqual([colour('green', 4), colour('blue', 1)]);
      if (train.kind === 'memory') throw new Error('decoded');
      expect(pathAt(train.paths, 4)).toBe(
        `${join(fixtures, 'hub', 'data', 'train-00001-of-00002.parquet')}, row 0`,
      );
    },
  );

  it('of bytes and words, compressed with gzip and brotli, validation in place of test', async () => {
    const columns = { image: 'picture', label: 'kind', augmentation: { crop: { kind: 'padded', pad: 0 } } };
    const dataset = await load(join(fixtures, 'plain'), columns);
    expect(dataset.classes).toEqual(['blue', 'green', 'red']);
    expect(dataset.evaluatedOn).toBe('validation');
    const words = ['red', 'green', 'red', 'blue'] as const;
    expect(await seen(dataset, dataset.train)).toEqual(words.map((word, i) => colour(word, i)));
    expect((await seen(dataset, dataset.test)).map(([, name]) => name)).toEqual(['blue', 'green']);
    const held = await load(join(fixtures, 'plain'), { ...columns, validation: 0.5 });
    expect([held.train.size, held.test.size]).toEqual([3, 1]);
  });

  it.each(['gzip', 'brotli'])(
    'of images without paths, whose column is nulls alone, with %s',
    async (packing) => {
      const dataset = await load(join(fixtures, `pathless-${packing}`), {
        augmentation: { crop: { kind: 'padded', pad: 0 } },
      });
      const words = ['red', 'blue', 'green'] as const;
      expect(await seen(dataset, dataset.train)).toEqual(words.map((word, i) => colour(word, i)));
    },
  );

  it('of numbers without names, ordered by value; a network can be planned from the labels alone', async () => {
    const dir = join(fixtures, 'numbers');
    const dataset = await load(dir, { validation: 0.5 });
    expect(dataset.classes).toEqual(['9', '10']);
    expect(await describeDataset({ name: 'parquet', dir, imageSize: 32 })).toEqual({
      ...{ classes: 2, imageShape: [32, 32, 3] },
    });
    expect(await countParquetClasses({ dir: join(fixtures, 'hub'), image: 'image', label: 'label' })).toBe(3);
  });

  it('are another data set with other images, and the same one elsewhere', async () => {
    const [here, there] = [await load(join(fixtures, 'hub')), await load(copied('hub'))];
    expect(there.identity).toEqual(here.identity);
    const other = await load(join(fixtures, 'plain'), { image: 'picture', label: 'kind' });
    expect(other.identity).not.toEqual(here.identity);
  });

  it.each<[string, object, RegExp]>([
    ['plain', {}, /train\.parquet: has no column image: name one of id, picture, kind with data\.image$/],
    [
      'hub',
      { label: 'image' },
      /: the column image must hold whole numbers or text, and holds structs with bytes: .* name another with data\.label$/,
    ],
    [
      'rates',
      {},
      /: the column label must hold whole numbers or text, and holds floating-point numbers: write the file with such a column, or name/,
    ],
    [
      'pixels',
      {},
      /: the column image must hold image files' bytes, or structs with bytes, and holds something/,
    ],
    ['paths', {}, /: row 1: the image has no bytes, only the path b\.png: write the files with the images/],
    [
      'packed',
      {},
      /: is compressed with LZ4\S*, which cannot be read here: write it with one of UNCOMPRESSED, SN/,
    ],
    [
      'unlabelled',
      {},
      /train\.parquet: row 2: the label -1 stands for an image without one: leave such rows out of the file/,
    ],
    [
      'hidden',
      {},
      /test\.parquet: row 0: the label -1 stands for an image without one: .*, or evaluate on other images: data\.evalu/,
    ],
    ['nulls', {}, /train\.parquet: row 1: has no label, but null: leave such rows out of the file/],
    ['.', {}, /: files of train are both in .* and in .*: name one of these as data\.dir$/],
    ['nowhere', {}, /nowhere is missing/],
    ['hub/data', { evaluateOn: 'val' }, /: no files of the split val, and data\.evaluateOn asks for it$/],
    ['numbers', { validation: undefined }, /: no images to evaluate on: add test files, or hold out/],
  ])('of %s with %j are refused with what is wrong', async (name, more, message) => {
    const options = {
      ...(['rates', 'pixels', 'paths', 'packed', 'nulls'].includes(name) && { validation: 0.5 }),
      ...more,
    };
    const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
    await expect(load(join(fixtures, name), given)).rejects.toThrow(message);
    await expect(load(join(fixtures, name), given)).rejects.toBeInstanceOf(UserError);
  });

  it('are refused where a part is missing, or labels have other names in one of them', async () => {
    const dir = copied('hub');
    rmSync(join(dir, 'data', 'train-00000-of-00002.parquet'));
    await expect(load(dir)).rejects.toThrow(
      /-of-00002\.parquet: its name says that there are 2 parts, found 1$/,
    );
    const other = copied('unlabelled');
    cpSync(join(fixtures, 'hub', 'data', 'test-00000-of-00001.parquet'), join(other, 'train.parquet'));
    await expect(load(other)).rejects.toThrow(
      /test\.parquet: its labels have other names than those of .*train/,
    );
  });

  it('are refused in a line where they are damaged, whatever byte it is', async () => {
    const dir = copied('hub');
    const file = join(dir, 'data', 'test-00000-of-00001.parquet');
    const whole = readFileSync(file);
    truncateSync(file, whole.length - 9);
    await expect(load(dir)).rejects.toThrow(/test-.*: cannot be read as Parquet: parquet file invalid/);
    writeFileSync(file, '');
    await expect(load(dir)).rejects.toThrow(
      /test-.*: is empty: its download did not come to its end, get it anew$/,
    );
    writeFileSync(file, 'version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 12345\n');
    await expect(load(dir)).rejects.toThrow(
      /test-.*: is a pointer of Git LFS in place of the file: get the file with "git lfs pull"/,
    );
    rmSync(file);
    mkdirSync(file);
    await expect(load(dir)).rejects.toThrow(/: cannot be read as Parquet: it is no file$/);
    rmSync(file, { recursive: true });
    const read = (content: Buffer): Promise<unknown> => {
      writeFileSync(file, content);
      return load(dir);
    };
    const { refused, largest } = await fuzz(mutated(whole), dir, read, 500);
    expect(refused).toBeGreaterThan(20);
    expect(largest).toBeLessThan(1 << 24);
  });
});
