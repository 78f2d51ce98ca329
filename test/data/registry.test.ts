import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import type { FileSplit } from '../../src/data/dataset.js';
import { officialNames, type DataOptionsInput } from '../../src/data/options.js';
import { pathAt } from '../../src/data/files/path-list.js';
import { defineDataset } from '../../src/data/kind.js';
import { emptySplit } from '../../src/data/split.js';
import { describeDataset, loadDataset } from '../../src/data/registry.js';
import { writeFashionMnist } from '../cli/helpers.js';
import { plant, write } from './files/tree.js';
import { inMemory, temporaryFolders, userMessage } from './helpers.js';

const folder = temporaryFolders();

describe('loadDataset', () => {
  // Their own files: to unpack those of the package takes 3 s each time.
  let fashion: string;
  beforeAll(() => {
    fashion = join(mkdtempSync(join(tmpdir(), 'locallearn-registry-')), 'fashion');
    writeFashionMnist(fashion);
  });
  afterAll(() => rmSync(dirname(fashion), { recursive: true }));

  test('limits each split', async () => {
    const request = { name: 'fashion-mnist', dir: fashion, trainImages: 500, testImages: 30 } as const;
    const dataset = await loadDataset(request, 4);
    expect([dataset.train.size, dataset.test.size]).toEqual([500, 30]);
    expect(inMemory(dataset.train).images).toHaveLength(500 * 1024);
    expect(dataset.test.labels.filter((label) => label === 7)).toHaveLength(3);
    expect(inMemory(dataset.train).images.buffer).toBeInstanceOf(SharedArrayBuffer);
    expect(dataset.evaluatedOn).toBeUndefined();
    expect(await loadDataset(request, 4)).toEqual(dataset);
  });

  test('holds out training images in place of the test split, and says so', async () => {
    const request = { name: 'fashion-mnist', dir: fashion, validation: 0.05 } as const;
    const dataset = await loadDataset({ ...request, trainImages: 100 }, 4);
    expect([dataset.train.size, dataset.test.size]).toEqual([100, 3000]);
    expect(dataset.evaluatedOn).toBe('validation');
    expect(dataset.name).toBe('fashion-mnist, evaluated on 3000 held-out training images');
    expect(dataset.test.labels.filter((label) => label === 7)).toHaveLength(300);
    expect(await userMessage(() => loadDataset({ ...request, testImages: 3001 }, 4))).toBe(
      'testImages: expected a whole number from 1 to 3000, the validation images of fashion-mnist, evaluated on 3000 held-out training images, found 3001',
    );
  });

  test('reads a folder: its paths, with the options of a config', async () => {
    const names = ['train/a/1.jpg', 'train/a/2.jpg', 'train/b/1.jpg', 'train/b/2.jpg', 'test/a/1.jpg'];
    const dir = plant(folder(), ...names);
    const dataset = await loadDataset(
      {
        name: 'folder',
        dir,
        imageSize: [48, 64],
        augmentation: { flip: false },
        onBadImage: 'skip',
        trainImages: 2,
      },
      1,
    );
    expect(dataset).toMatchObject({
      name: `folder ${dir}`,
      classes: ['a', 'b'],
      imageShape: [48, 64, 3],
      mean: [0.485, 0.456, 0.406],
      std: [0.229, 0.224, 0.225],
      evaluatedOn: 'test',
      onBadImage: 'skip',
      augmentation: { crop: { kind: 'resized', scale: [0.08, 1], ratio: [3 / 4, 4 / 3] }, flip: false },
    });
    expect([...dataset.train.labels]).toEqual([0, 1]);
    expect(pathAt((dataset.test as FileSplit).paths, 0)).toBe(`${dir}/test/a/1.jpg`);
    // Without the test split the same folder gives what is held out of its training images.
    const held = await loadDataset({ name: 'folder', dir, validation: 0.5 }, 1);
    expect([held.train.size, held.test.size, held.evaluatedOn]).toEqual([2, 2, 'validation']);
  });

  test('reads a grey list', async () => {
    const dir = plant(folder(), '1.png', '2.png', '3.png');
    const file = write(dir, 'list.csv', 'path,label,split\n1.png,7,train\n2.png,3,train\n3.png,3,val\n');
    const dataset = await loadDataset({ name: 'csv', file, imageSize: 28, channels: 1, mean: [0.5] }, 1);
    expect(dataset).toMatchObject({
      name: `csv ${file}`,
      classes: ['3', '7'],
      imageShape: [28, 28, 1],
      mean: [0.5],
      std: [0.226],
      evaluatedOn: 'validation',
    });
    expect([...dataset.train.labels, ...dataset.test.labels]).toEqual([1, 0, 0]);
  });

  test('names an ImageNet of fewer classes as what it is', async () => {
    const dir = plant(
      folder(),
      ...['n00000001', 'n00000002'].flatMap((wnid) => [`train/${wnid}/1.JPEG`, `val/${wnid}/2.JPEG`]),
    );
    const dataset = await loadDataset({ name: 'imagenet', dir, imageSize: 128 }, 1);
    expect(dataset).toMatchObject({ name: 'imagenet (2 of its classes)', imageShape: [128, 128, 3] });
  });

  test('refuses more images than there are, no images, and options that are not allowed', async () => {
    const cases: readonly [DataOptionsInput, string][] = [
      [
        { name: 'fashion-mnist', dir: fashion, trainImages: 60_001 },
        'trainImages: expected a whole number from 1 to 60000, the train images of fashion-mnist, found 60001',
      ],
      [{ name: 'fashion-mnist', dir: fashion, testImages: 0 }, 'data options: testImages: '],
      [{ name: 'mnist' as 'fashion-mnist' }, 'data options: name: '],
      [{ name: 'folder' } as DataOptionsInput, 'data options: dir: '],
    ];
    for (const [input, message] of cases) {
      expect(await userMessage(() => loadDataset(input, 0))).toContain(message);
    }
  });

  test('says what it reads when memory runs out', async () => {
    const kind = defineDataset({
      name: 'huge',
      options: z.strictObject({}),
      build: () => ({ read: () => ({ train: emptySplit(1e12, 192) }) as never }),
    });
    expect(await userMessage(() => loadDataset({ name: 'huge' }, 0, undefined, [kind]))).toBe(
      'reading huge: out of memory: 192000000000000 bytes asked for; free memory on this machine',
    );
  });

  test('has nothing to hold out of classes of one image', async () => {
    const dir = plant(folder(), 'a/1.jpg', 'b/1.jpg');
    expect(await userMessage(() => loadDataset({ name: 'folder', dir, validation: 0.5 }, 0))).toBe(
      `data.validation: no class of folder ${dir} has more than one training image`,
    );
  });

  test.each(officialNames)('says how to get %s where it is missing', async (name) => {
    const dir = join(folder(), 'nothing');
    const message = await userMessage(() => loadDataset({ name, dir }, 0));
    expect(message).toContain(dir);
    expect(message).toContain(
      name === 'imagenet' ? 'https://image-net.org/download' : `locallearn data fetch ${name}`,
    );
  });
});

describe('describeDataset', () => {
  test('knows the official data sets without their files', async () => {
    const found: Record<string, unknown> = {};
    for (const name of officialNames) {
      const { classes, imageShape } = await describeDataset({ name, dir: '/does/not/exist' });
      found[name] = [classes, ...imageShape].join(' ');
    }
    expect(found).toEqual({
      'fashion-mnist': '10 32 32 1',
      cifar10: '10 32 32 3',
      cifar100: '100 32 32 3',
      svhn: '10 32 32 3',
      stl10: '10 96 96 3',
      imagenet: '1000 224 224 3',
    });
  });

  test('agrees with what is then loaded', async () => {
    const dir = plant(folder(), 'train/a/1.jpg', 'train/b/1.jpg', 'train/c/2.jpg', 'test/a/1.jpg');
    const file = write(
      dir,
      'list.csv',
      'path,label,split\ntrain/a/1.jpg,x,train\ntrain/b/1.jpg,y,train\ntest/a/1.jpg,x,test\n',
    );
    const inputs: readonly DataOptionsInput[] = [
      { name: 'folder', dir, imageSize: [10, 20] },
      { name: 'csv', file, channels: 1 },
      { name: 'fashion-mnist' },
    ];
    for (const input of inputs) {
      const { classes, imageShape } = await loadDataset(input, 1);
      expect(await describeDataset(input)).toEqual({ classes: classes.length, imageShape });
    }
  });
});
