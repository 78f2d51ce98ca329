import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { FileImages } from '../../../src/data/files/file-images.js';
import { countFolderClasses, scanFolder } from '../../../src/data/files/folder.js';
import { temporaryFolders, userMessage } from '../helpers.js';
import { listing, plant } from './tree.js';

const folder = temporaryFolders();
const scan = (dir: string, withTest = true, evaluateOn?: 'test' | 'val'): Promise<FileImages> =>
  scanFolder({ dir, withTest, evaluateOn });

describe('an image folder', () => {
  test('has its splits, its classes in order and its images in order, of every kind and case', async () => {
    const dir = plant(
      folder(),
      ...['train/dog/b.JPG', 'train/dog/a.jpeg', 'train/Cat/10.png', 'train/Cat/9.WebP', 'train/eel/x.gif'],
      ...['train/eel/deep/er/y.tif', 'train/eel/z.AVIF', 'test/dog/t.tiff', 'test/Cat/u.JPEG'],
    );
    const { classes, train, test, evaluatedOn } = await scan(dir);
    expect(classes).toEqual(['Cat', 'dog', 'eel']);
    expect(listing(dir, train)).toEqual([
      ...['0 train/Cat/10.png', '0 train/Cat/9.WebP', '1 train/dog/a.jpeg', '1 train/dog/b.JPG'],
      ...['2 train/eel/deep/er/y.tif', '2 train/eel/x.gif', '2 train/eel/z.AVIF'],
    ]);
    expect(listing(dir, test)).toEqual(['0 test/Cat/u.JPEG', '1 test/dog/t.tiff']);
    expect(evaluatedOn).toBe('test');
    expect(await countFolderClasses(dir)).toBe(3);
    expect(train.labels.buffer).toBeInstanceOf(SharedArrayBuffer);
    expect(train.paths.bytes.buffer).toBeInstanceOf(SharedArrayBuffer);
  });

  test('passes over what is no image, and hidden files and folders', async () => {
    const dir = plant(
      folder(),
      ...[
        'train/a/1.jpg',
        'train/a/notes.txt',
        'train/a/.hidden.jpg',
        'train/.cache/2.jpg',
        'train/list.csv',
      ],
      ...['train/b/3.png', 'train/__MACOSX/4.jpg', 'val/a/5.jpg', 'README'],
    );
    const { classes, train, test, evaluatedOn } = await scan(dir);
    expect(classes).toEqual(['a', 'b']);
    expect(listing(dir, train)).toEqual(['0 train/a/1.jpg', '1 train/b/3.png']);
    expect(listing(dir, test)).toEqual(['0 val/a/5.jpg']);
    expect(evaluatedOn).toBe('validation');
  });

  test('is followed through links to folders and images', async () => {
    const elsewhere = plant(folder(), 'cats/1.jpg', 'one.png');
    const dir = plant(folder(), 'train/dog/2.jpg', 'test/dog/3.jpg');
    symlinkSync(join(elsewhere, 'cats'), join(dir, 'train', 'cat'));
    symlinkSync(join(elsewhere, 'one.png'), join(dir, 'train', 'dog', 'linked.png'));
    const { classes, train } = await scan(dir);
    expect(classes).toEqual(['cat', 'dog']);
    expect(listing(dir, train)).toEqual(['0 train/cat/1.jpg', '1 train/dog/2.jpg', '1 train/dog/linked.png']);
  });

  test('never waits for a pipe that is called an image', async () => {
    const dir = plant(folder(), 'a/1.jpg', 'b/2.jpg');
    execFileSync('mkfifo', [join(dir, 'a', '0.jpg')]);
    expect(listing(dir, (await scan(dir, false)).train)).toEqual(['0 a/1.jpg', '1 b/2.jpg']);
  });

  test('keeps many more images than a chunk of paths holds, in order', async () => {
    const dir = folder();
    const name = (i: number): string => `${String(i).padStart(5, '0')}${'x'.repeat(200)}.jpg`;
    for (const label of ['a', 'b']) {
      mkdirSync(join(dir, 'train', label), { recursive: true });
      for (let i = 0; i < 3000; i++) writeFileSync(join(dir, 'train', label, name(i)), '');
    }
    const seen: number[] = [];
    const { train } = await scanFolder({ dir, withTest: false, evaluateOn: undefined }, (n) => seen.push(n));
    expect(listing(dir, train)).toEqual(
      [0, 1].flatMap((label) =>
        Array.from({ length: 3000 }, (_, i) => `${label} train/${'ab'[label]}/${name(i)}`),
      ),
    );
    expect(seen.at(-1)).toBe(6000);
  });

  test('without splits holds training images only', async () => {
    const dir = plant(folder(), 'a/1.jpg', 'b/2.jpg');
    expect(listing(dir, (await scan(dir, false)).train)).toEqual(['0 a/1.jpg', '1 b/2.jpg']);
    expect(await userMessage(() => scan(dir))).toBe(
      `${dir}: no images to evaluate on: put them into ${dir}/test/<class>, or hold out a share of the training images with data.validation`,
    );
  });

  test('with both test and val has to be told which one is meant', async () => {
    const dir = plant(folder(), 'train/a/1.jpg', 'train/b/2.jpg', 'test/a/3.jpg', 'val/b/4.jpg');
    expect(await userMessage(() => scan(dir))).toBe(
      `${dir}: both test and val are there: say with data.evaluateOn which one to evaluate on`,
    );
    expect(listing(dir, (await scan(dir, true, 'val')).test)).toEqual(['1 val/b/4.jpg']);
    expect((await scan(dir, true, 'val')).evaluatedOn).toBe('validation');
    expect(listing(dir, (await scan(dir, true, 'test')).test)).toEqual(['0 test/a/3.jpg']);
    // Nothing of either is looked at where training images are held out.
    expect((await scan(dir, false)).test).toBeUndefined();
  });
});

describe('a folder that is refused with a line', () => {
  const cases: readonly [string, (dir: string) => void, string][] = [
    ['that is not there', () => {}, '/nowhere is missing or no folder: expected'],
    ['with test and no train', (dir) => plant(dir, 'nowhere/test/a/1.jpg'), 'nowhere: test without '],
    [
      'with an empty class',
      (dir) => plant(dir, 'nowhere/train/a/1.jpg', 'nowhere/train/b/notes.txt', 'nowhere/test/a/1.jpg'),
      'train/b: an empty class, no images (jpg, png, webp, gif, tiff, avif) among 1 other files: fill or remove the folder',
    ],
    [
      'with an empty class among the test images',
      (dir) => {
        plant(dir, 'nowhere/train/a/1.jpg', 'nowhere/train/b/2.jpg', 'nowhere/test/a/1.jpg');
        mkdirSync(join(dir, 'nowhere/test/b'));
      },
      'test/b: an empty class',
    ],
    [
      'with one class',
      (dir) => plant(dir, 'nowhere/train/a/1.jpg', 'nowhere/test/a/1.jpg'),
      'train: expected folders of two classes or more, found 1',
    ],
    [
      'with a test class that is not trained',
      (dir) => plant(dir, 'nowhere/train/a/1.jpg', 'nowhere/train/b/1.jpg', 'nowhere/test/c/1.jpg'),
      'test/c: a class that ',
    ],
    [
      'with an image beside the class folders',
      (dir) => plant(dir, 'nowhere/train/a/1.jpg', 'nowhere/train/b/1.jpg', 'nowhere/train/c.jpg'),
      'train/c.jpg: an image in no class folder: move it into the folder of its class',
    ],
    [
      'with images that cannot be decoded',
      (dir) => plant(dir, 'nowhere/train/a/1.jpg', 'nowhere/train/b/1.BMP', 'nowhere/test/a/1.jpg'),
      'train/b/1.BMP: cannot be decoded, only jpg, png, webp, gif, tiff, avif can: convert it, or move it away',
    ],
    [
      'with a link to nothing',
      (dir) => {
        plant(dir, 'nowhere/train/a/1.jpg', 'nowhere/train/b/1.jpg', 'nowhere/test/a/1.jpg');
        symlinkSync('/does/not/exist', join(dir, 'nowhere/train/c'));
      },
      'train/c: a link to nothing: mend or remove it',
    ],
    [
      'with a link that leads back',
      (dir) => {
        plant(dir, 'nowhere/train/a/1.jpg', 'nowhere/train/b/1.jpg', 'nowhere/test/a/1.jpg');
        symlinkSync('..', join(dir, 'nowhere/train/a/up'));
      },
      'train/a: folders more than 16 deep: does a link lead back to itself?',
    ],
    [
      'with a name of several lines',
      (dir) => plant(dir, 'nowhere/train/a/1.jpg', 'nowhere/train/b/1.jpg', 'nowhere/test/c\nd/1.jpg'),
      'test/c\\u000ad: a class that ',
    ],
    [
      'with a name that is not UTF-8',
      (dir) => {
        plant(dir, 'nowhere/train/a/1.jpg', 'nowhere/train/b/1.jpg', 'nowhere/test/a/1.jpg');
        writeFileSync(
          Buffer.concat([Buffer.from(`${dir}/nowhere/train/a/`), Buffer.from([0xe9, 0x2e, 0x6a])]),
          '',
        );
      },
      ': the name is not UTF-8: rename it',
    ],
  ];
  test.each(cases)('%s', async (_, lay, message) => {
    const dir = folder();
    lay(dir);
    expect(await userMessage(() => scan(join(dir, 'nowhere')))).toContain(message);
  });

  test.skipIf(process.getuid?.() === 0)('that may not be read', async () => {
    const dir = plant(folder(), 'train/a/1.jpg', 'train/b/1.jpg', 'test/a/1.jpg');
    chmodSync(join(dir, 'train/b'), 0);
    try {
      expect(await userMessage(() => scan(dir))).toContain(`cannot read the folder ${dir}/train/b`);
    } finally {
      chmodSync(join(dir, 'train/b'), 0o755);
    }
  });
});
