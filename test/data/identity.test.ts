import { cpSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { dataDifferences } from '../../src/data/identity-difference.js';
import { identityOf, type DataIdentity } from '../../src/data/identity.js';
import type { DataOptionsInput } from '../../src/data/options.js';
import { loadDataset } from '../../src/data/registry.js';
import { plant, write } from './files/tree.js';
import { noiseSplit, temporaryFolders } from './helpers.js';

const folder = temporaryFolders();

async function identify(options: DataOptionsInput, seed = 1): Promise<DataIdentity> {
  return identityOf(await loadDataset(options, seed));
}

function zoo(): string {
  const paths = ['train', 'test'].flatMap((split) =>
    ['cat', 'dog'].flatMap((kind) => [1, 2, 3].map((i) => `${split}/${kind}/${i}.png`)),
  );
  return plant(folder(), ...paths);
}

describe('the identity of a folder', () => {
  const ofFolder = (dir: string): Promise<DataIdentity> => identify({ name: 'folder', dir });

  it('is its content, wherever it lies and whatever of it is selected', async () => {
    const dir = zoo();
    const identity = await ofFolder(dir);
    const copy = join(folder(), 'copy');
    cpSync(dir, copy, { recursive: true });
    write(copy, 'train/cat/notes.txt', 'no image');
    expect(await ofFolder(`${copy}/./`)).toEqual(identity);
    expect(await identify({ name: 'folder', dir, trainImages: 2 }, 2)).toEqual(identity);
    const heldOut = await identify({ name: 'folder', dir: join(dir, 'train'), validation: 0.4 });
    expect(heldOut).toEqual({ classes: identity.classes, train: identity.train });
    expect(dataDifferences(heldOut, identity)).toEqual([]);
  });

  it.each([
    [
      'an image more',
      (dir: string) => plant(dir, 'train/cat/4.png'),
      'train: 6 images there, 7 here (cat 3 there, 4 here)',
    ],
    [
      'an image less',
      (dir: string) => rmSync(join(dir, 'test/dog/1.png')),
      'test: 6 images there, 5 here (dog 3 there, 2 here)',
    ],
    [
      'an image in another class',
      (dir: string) => renameSync(join(dir, 'train/cat/3.png'), join(dir, 'train/dog/4.png')),
      'train: images of classes (cat 3 there, 2 here, dog 3 there, 4 here)',
    ],
    [
      'a file of another size',
      (dir: string) => write(dir, 'test/cat/2.png', 'abc'),
      'test: other sizes of the same files (bytes: cat 0 there, 3 here)',
    ],
    [
      'a file of another name',
      (dir: string) => renameSync(join(dir, 'train/cat/1.png'), join(dir, 'train/cat/1b.png')),
      'train: other file names, or in another order',
    ],
    [
      'a class more',
      (dir: string) => plant(dir, 'train/eel/1.png'),
      'classes: eel only here; train: 6 images there, 7 here',
    ],
  ])('is another with %s', async (_, change, difference) => {
    const dir = zoo();
    const before = await ofFolder(dir);
    change(dir);
    expect(dataDifferences(before, await ofFolder(dir)).join('; ')).toBe(difference);
  });

  it('does not depend on how letters are composed', async () => {
    const [composed, decomposed] = ['caf\u00e9', 'cafe\u0301'].map((kind) =>
      plant(
        folder(),
        ...['train', 'test'].flatMap((split) => [`${split}/${kind}/1.png`, `${split}/b/1.png`]),
      ),
    );
    expect(dataDifferences(await ofFolder(composed!), await ofFolder(decomposed!))).toEqual([]);
  });
});

describe('the identity of a list', () => {
  const rows = ['1.png,a,train', '2.png,b,train', 'sub/3.png,a,train', '4.png,b,test'];
  const list = (content: readonly string[]): string => {
    const dir = plant(folder(), '1.png', '2.png', 'sub/3.png', '4.png');
    return write(dir, 'list.csv', ['path,label,split', ...content].join('\n'));
  };
  const ofList = (content: readonly string[]): Promise<DataIdentity> =>
    identify({ name: 'csv', file: list(content) });

  it('is its rows, wherever it and its images lie', async () => {
    const identity = await ofList(rows);
    expect(await ofList(rows)).toEqual(identity);
    const file = write(folder(), 'elsewhere.csv', ['path,label,split', ...rows].join('\n'));
    expect(await identify({ name: 'csv', file, dir: join(list(rows), '..') })).toEqual(identity);
  });

  it.each([
    [['1.png,b,train', '2.png,a,train', ...rows.slice(2)], 'train: other labels of the same files'],
    [[rows[1]!, rows[0]!, ...rows.slice(2)], 'train: other file names, or in another order'],
    [rows.map((row) => row.replace(',a,', ',c,')), 'classes: a only there, c only here'],
    [rows.filter((_, i) => i !== 2), 'train: 3 images there, 2 here (a 2 there, 1 here)'],
  ])('is another with the rows %j', async (changed, difference) => {
    expect(dataDifferences(await ofList(rows), await ofList(changed))).toEqual([difference]);
  });
});

it('is, of images in memory, the labels and how they are read', () => {
  const set = (
    labels: readonly number[],
    reading: { std?: number[]; imageShape?: number[] } = {},
  ): DataIdentity => {
    const train = noiseSplit(labels.length, 4);
    train.labels.set(labels);
    const known = { classes: ['a', 'b'], imageShape: [4, 4, 3], mean: [0], std: [1] };
    return identityOf({ ...known, ...reading, train, test: noiseSplit(2, 4, 2) });
  };
  expect(dataDifferences(set([0, 1, 1, 0]), set([0, 1, 1, 0], { std: [7], imageShape: [2, 8, 3] }))).toEqual([
    'imageShape: 4, 4, 3 there, 2, 8, 3 here',
    'std: 1 there, 7 here',
  ]);
  expect(dataDifferences(set([0, 1, 1, 0]), set([0, 1, 1, 0]))).toEqual([]);
  expect(dataDifferences(set([0, 1, 1, 0]), set([1, 0, 0, 1]))).toEqual([
    'train: other labels, or in another order',
  ]);
});
