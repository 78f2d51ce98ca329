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
      'test/c\\nd: a class that ',
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

describe('names', () => {
  const composed = 'caf\u00e9';
  const decomposed = 'cafe\u0301';

  test('that are composed in one place and decomposed in the other are one class, and a line says so', async () => {
    const dir = plant(
      folder(),
      ...[`train/${composed}/1.png`, `train/${decomposed}/2.png`, 'train/cafz/3.png', 'train/tea/4.png'],
      ...[`test/${decomposed}/5.png`, 'test/tea/6.png'],
    );
    const { classes, train, test: evaluated, notes } = await scan(dir);
    expect(classes).toEqual(['cafz', composed, 'tea']);
    expect(listing(dir, train)).toEqual([
      ...[
        '0 train/cafz/3.png',
        `1 train/${decomposed}/2.png`,
        `1 train/${composed}/1.png`,
        '2 train/tea/4.png',
      ],
    ]);
    expect(listing(dir, evaluated)).toEqual([`1 test/${decomposed}/5.png`, '2 test/tea/6.png']);
    expect(await countFolderClasses(dir)).toBe(3);
    const line = `the class folders ${composed}: accents composed and decomposed, taken for one name (Unicode NFC)`;
    expect(notes).toEqual([line]);
    expect((await scan(dir, false)).notes).toEqual([line]);
  });

  test('that are all decomposed are shown composed, without a word', async () => {
    const dir = plant(folder(), `train/${decomposed}/1.png`, 'train/tea/2.png', `test/${decomposed}/3.png`);
    const { classes, notes } = await scan(dir);
    expect(classes).toEqual([composed, 'tea']);
    expect(notes).toEqual([]);
  });

  test('of folders of systems and tools are left out wherever they lie, and said once beside the classes', async () => {
    const dir = plant(
      folder(),
      ...['train/a/1.png', 'train/a/@eaDir/1.png/SYNOPHOTO_THUMB_M.jpg', 'train/@eaDir/a/2.jpg'],
      ...['train/.thumbnails/3.png', 'train/__MACOSX/a/4.png', 'train/$RECYCLE.BIN/5.png', 'train/b/6.png'],
      ...['test/a/7.png', 'test/@eaDir/a/8.png', '@eaDir/train/x.png'],
    );
    const { classes, train, test: evaluated, notes } = await scan(dir);
    expect(classes).toEqual(['a', 'b']);
    expect(listing(dir, train)).toEqual(['0 train/a/1.png', '1 train/b/6.png']);
    expect(listing(dir, evaluated)).toEqual(['0 test/a/7.png']);
    expect(notes).toEqual([
      `left out, as no classes: $RECYCLE.BIN, .thumbnails, @eaDir, __MACOSX in ${dir}/train and ${dir}/test`,
    ]);
    const flat = plant(folder(), 'a/1.png', 'b/2.png', '@eaDir/3.png');
    expect(await countFolderClasses(flat)).toBe(2);
    expect((await scan(flat, false)).notes).toEqual([`left out, as no classes: @eaDir in ${flat}`]);
  });

  test.each([
    [['Train', 'Test'], 'Test to test, Train to train'],
    [['TRAIN', 'val'], 'TRAIN to train'],
    [['training', 'testing'], 'testing to test, training to train'],
    [['Training', 'Validation'], 'Training to train, Validation to val'],
    [['train', 'Test'], 'Test to test'],
    [['train', 'eval'], 'eval to val'],
    [['train', 'valid'], 'valid to val'],
    [['Eval', 'cat'], 'Eval to val'],
    [['training_set', 'test_set'], 'test_set to test, training_set to train'],
    [['seg_train', 'seg_test', 'seg_pred-val'], 'seg_pred-val to val, seg_test to test, seg_train to train'],
    [['trainset', 'tests'], 'tests to test, trainset to train'],
  ])('of splits otherwise than expected are refused: %s', async (names, renames) => {
    const dir = plant(folder(), ...names.flatMap((name) => [`${name}/cat/1.png`, `${name}/dog/2.png`]));
    const message = `${dir}: folders of splits are named train, test and val, as in ${dir}/train/<class>: rename ${renames} (a class of such a name needs another)`;
    expect(await userMessage(() => scan(dir))).toBe(message);
    if (names.includes('train')) expect((await scan(dir, false)).classes).toEqual(['cat', 'dog']);
    else expect(await userMessage(() => scan(dir, false))).toBe(message);
  });

  test('of classes that are called much as a split are classes', async () => {
    const dir = plant(folder(), 'steam train/1.png', 'test_tube/2.png', 'cat/3.png');
    expect((await scan(dir, false)).classes).toEqual(['cat', 'steam train', 'test_tube']);
  });

  test('of splits are told where the one asked for is there by another', async () => {
    const dir = plant(
      folder(),
      ...['train', 'test', 'Validation'].flatMap((name) => [`${name}/a/1.png`, `${name}/b/2.png`]),
    );
    expect((await scan(dir)).evaluatedOn).toBe('test');
    expect(await userMessage(() => scan(dir, true, 'val'))).toContain('rename Validation to val');
  });
});
