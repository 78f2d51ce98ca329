import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { FileImages } from '../../../src/data/files/file-images.js';
import { countImagenetClasses, scanImagenet } from '../../../src/data/files/imagenet.js';
import { temporaryFolders, userMessage } from '../helpers.js';
import { metaMat } from './meta-mat.js';
import { listing, plant, write } from './tree.js';

const folder = temporaryFolders();
const scan = (dir: string, withTest = true): Promise<FileImages> => scanImagenet({ dir, withTest });

/** Three classes whose devkit numbers are in another order than their wnids. */
const TENCH = 'n01440764';
const FOX = 'n02119789';
const CRANE = 'n03126707';
const train = [`train/${FOX}/${FOX}_2.JPEG`, `train/${FOX}/${FOX}_10.JPEG`];
train.push(`train/${TENCH}/${TENCH}_1.JPEG`, `train/${CRANE}/${CRANE}_1.JPEG`);
const val = (n: number): string => `ILSVRC2012_val_${String(n).padStart(8, '0')}`;
const flat = [1, 2, 3, 4].map((n) => `val/${val(n)}.JPEG`);
const synsets = [
  { id: 1, wnid: FOX, words: 'kit fox, Vulpes macrotis' },
  { id: 2, wnid: CRANE, words: 'crane' },
  { id: 3, wnid: TENCH, words: 'tench, Tinca tinca' },
  { id: 1001, wnid: 'n00001740', words: 'entity' },
];
const numbering = `${FOX} 1 kit_fox\n${CRANE} 2 crane\n${TENCH} 3 tench\n`;
/** Labels of the four flat images: tench, fox, crane, fox. */
const truth = '3\n1\n2\n1\n';
const labelled = [`0 ${flat[0]}`, `1 ${flat[1]}`, `2 ${flat[2]}`, `1 ${flat[3]}`];
const TRUTH = 'ILSVRC2012_validation_ground_truth.txt';
const DEVKIT = 'ILSVRC2012_devkit_t12/data';

describe('ImageNet', () => {
  test('with validation images in folders, classes in the order of their wnids', async () => {
    const dir = plant(folder(), ...train, `val/${FOX}/${val(2)}.JPEG`, `val/${TENCH}/${val(1)}.JPEG`);
    plant(dir, `val/${CRANE}/${val(3)}.JPEG`, 'train/readme.txt');
    const images = await scan(dir);
    expect(images.classes).toEqual([TENCH, FOX, CRANE]);
    expect(listing(dir, images.train)).toEqual([
      `0 train/${TENCH}/${TENCH}_1.JPEG`,
      `1 train/${FOX}/${FOX}_10.JPEG`,
      `1 train/${FOX}/${FOX}_2.JPEG`,
      `2 train/${CRANE}/${CRANE}_1.JPEG`,
    ]);
    expect(listing(dir, images.test)).toEqual([
      `0 val/${TENCH}/${val(1)}.JPEG`,
      `1 val/${FOX}/${val(2)}.JPEG`,
      `2 val/${CRANE}/${val(3)}.JPEG`,
    ]);
    expect(images.evaluatedOn).toBe('validation');
  });

  test("with flat validation images and the devkit's ground truth and meta.mat", async () => {
    const dir = plant(folder(), ...train, ...flat);
    write(dir, `${DEVKIT}/${TRUTH}`, truth);
    write(dir, `${DEVKIT}/meta.mat`, metaMat(synsets));
    const images = await scan(dir);
    expect(listing(dir, images.test)).toEqual(labelled);
    expect(images.classes).toEqual(['tench, Tinca tinca', 'kit fox, Vulpes macrotis', 'crane']);
  });

  test.each([
    ['map_clsloc.txt', numbering],
    ['synsets.txt', `3 ${TENCH}\r\n1,${FOX}\r\n\r\n2\t${CRANE}`],
  ])('with the ground truth and %s', async (name, content) => {
    const dir = plant(folder(), ...train, ...flat);
    write(dir, TRUTH, truth.replaceAll('\n', '\r\n'));
    write(dir, name, content);
    const images = await scan(dir);
    expect(listing(dir, images.test)).toEqual(labelled);
    expect(images.classes).toEqual([TENCH, FOX, CRANE]);
  });

  test('as Kaggle lays it out, with its list and its names; those that are there twice get the wnid', async () => {
    const dir = folder();
    plant(join(dir, 'ILSVRC/Data/CLS-LOC'), ...train, ...flat);
    const rows = [`${val(3)},${CRANE} 1 2 3 4 ${CRANE} 5 6 7 8 `, `${val(1)},${TENCH} 85 1 499 272 `];
    rows.push(`${val(4)},${FOX} 1 1 2 2`, `${val(2)},${FOX}`);
    write(dir, 'LOC_val_solution.csv', `ImageId,PredictionString\n${rows.join('\n')}\n`);
    write(
      dir,
      'LOC_synset_mapping.txt',
      `${TENCH} crane\n${FOX} kit fox\n${CRANE} crane\nn04591713 wine bottle\n`,
    );
    const images = await scan(dir);
    expect(listing(join(dir, 'ILSVRC/Data/CLS-LOC'), images.test)).toEqual(labelled);
    expect(images.classes).toEqual([`crane (${TENCH})`, 'kit fox', `crane (${CRANE})`]);
  });

  test('without its validation images where training images are held out', async () => {
    const dir = plant(folder(), ...train);
    expect((await scan(dir, false)).test).toBeUndefined();
    expect(await countImagenetClasses(dir)).toBe(3);
    expect(await countImagenetClasses(join(dir, 'elsewhere'))).toBe(1000);
  });
});

describe('an ImageNet that is refused with a line', () => {
  const withTruth = (dir: string, lines: string, numbers = numbering): void => {
    plant(dir, ...train, ...flat);
    write(dir, TRUTH, lines);
    write(dir, 'map_clsloc.txt', numbers);
  };
  const withSolution = (dir: string, content: string): void => {
    plant(dir, ...train, ...flat);
    write(dir, 'LOC_val_solution.csv', content);
  };
  const withMat = (dir: string, mat: Buffer): void => {
    plant(dir, ...train, ...flat);
    write(dir, TRUTH, truth);
    write(dir, 'meta.mat', mat);
  };
  const cases: readonly [string, (dir: string) => void, string][] = [
    ['not there', () => {}, '/train is missing: get ILSVRC2012_img_train.tar,'],
    [
      'classes still packed',
      (dir) => plant(dir, `train/${FOX}.tar`),
      `train/${FOX}.tar: still packed: unpack`,
    ],
    [
      'other folders',
      (dir) => plant(dir, 'train/cat/1.jpg'),
      'train/cat: expected folders named as n01440764',
    ],
    ['no validation images', (dir) => plant(dir, ...train), '/val is missing or no folder: get'],
    ['an empty validation folder', (dir) => plant(dir, ...train, 'val/readme.txt'), '/val: no images: get'],
    [
      'no ground truth',
      (dir) => plant(dir, ...train, ...flat),
      '/val: images in no class folders need ILSVRC2012_',
    ],
    [
      'both flat images and folders',
      (dir) => plant(dir, ...train, ...flat, `val/${FOX}/${val(9)}.JPEG`),
      `val/${val(1)}.JPEG: an image beside class folders: expected either all images in folders or none`,
    ],
    [
      'a validation class too few',
      (dir) => plant(dir, ...train, `val/${FOX}/1.JPEG`, `val/${TENCH}/1.JPEG`),
      `val/${CRANE} is missing`,
    ],
    [
      'a validation class too many',
      (dir) => plant(dir, ...train, ...[FOX, TENCH, CRANE, 'n04591713'].map((wnid) => `val/${wnid}/1.JPEG`)),
      'val/n04591713: a class that ',
    ],
    [
      'an empty class',
      (dir) => plant(dir, ...train, 'train/n04591713/no.txt'),
      'train/n04591713: an empty class',
    ],
    ['an empty ground truth', (dir) => withTruth(dir, '\n'), `${TRUTH} is empty`],
    ['a number out of range', (dir) => withTruth(dir, '3\n1\n4\n1\n'), `map_clsloc.txt, found 4`],
    [
      'a word for a number',
      (dir) => withTruth(dir, '3\n1e0\n'),
      `${TRUTH}:2: expected the number of a class`,
    ],
    ['a blank line', (dir) => withTruth(dir, '3\n\n1\n2\n1\n'), `${TRUTH}:2: a blank line`],
    ['fewer lines than images', (dir) => withTruth(dir, '3\n1\n2\n'), `${val(4)}.JPEG: ${val(4)} is not in `],
    ['fewer images than lines', (dir) => withTruth(dir, '3\n1\n2\n1\n1\n'), `${val(5)}.JPEG is missing: `],
    [
      'no numbering',
      (dir) => write(plant(dir, ...train, ...flat), TRUTH, truth),
      `${TRUTH}: what its numbers mean is missing`,
    ],
    [
      'a numbering in the order of the wnids',
      (dir) => withTruth(dir, truth, `1 ${TENCH}\n2 ${FOX}\n3 ${CRANE}\n`),
      'map_clsloc.txt: numbers the classes in the order of their wnids',
    ],
    [
      'a number twice',
      (dir) => withTruth(dir, truth, `${FOX} 1\n${TENCH} 1\n`),
      'map_clsloc.txt: the number 1 is there twice',
    ],
    [
      'a wnid twice',
      (dir) => withTruth(dir, truth, `${FOX} 1\n${FOX} 2\n`),
      `map_clsloc.txt: ${FOX} is there twice`,
    ],
    [
      'a numbering without numbers',
      (dir) => withTruth(dir, truth, `${FOX} kit fox\n`),
      'map_clsloc.txt:1: expected a wnid and a number from 1, found n02119789 kit fox',
    ],
    [
      'a class that is not trained',
      (dir) => withTruth(dir, '3\n1\n4\n1\n', `${numbering}n00007846 4\n`),
      `${val(3)} is of the class n00007846, which has no training folder`,
    ],
    [
      'no header in the list',
      (dir) => withSolution(dir, `${val(1)},${FOX}\n`),
      ':1: expected a header with the column ImageId',
    ],
    [
      'no wnid in the list',
      (dir) => withSolution(dir, `ImageId,PredictionString\n${val(1)},fox\n`),
      `LOC_val_solution.csv:2: expected an image and a wnid, found ${val(1)},fox`,
    ],
    [
      'an image twice in the list',
      (dir) => withSolution(dir, `ImageId,PredictionString\n${val(1)},${FOX}\n${val(1)},${FOX}\n`),
      `LOC_val_solution.csv:3: ${val(1)} is there twice`,
    ],
    ['a cut meta.mat', (dir) => withMat(dir, metaMat(synsets).subarray(0, 400)), 'meta.mat'],
    ['a meta.mat without classes', (dir) => withMat(dir, metaMat([])), 'meta.mat: no classes in it'],
    [
      'a meta.mat with other wnids',
      (dir) => withMat(dir, metaMat([{ id: 1, wnid: 'fox', words: 'fox' }])),
      'meta.mat: synset 1: expected a WNID as n01440764, found fox',
    ],
    [
      'a meta.mat with other numbers',
      (dir) => withMat(dir, metaMat([{ id: 0.5, wnid: FOX, words: 'fox' }])),
      'meta.mat: synset 1: expected a number from 1 as ILSVRC2012_ID',
    ],
    [
      'names that are none',
      (dir) => write(plant(dir, ...train), 'LOC_synset_mapping.txt', 'tench\n'),
      'LOC_synset_mapping.txt:1: expected a wnid and words, found tench',
    ],
  ];
  test.each(cases)('%s', async (_, lay, message) => {
    const dir = folder();
    lay(dir);
    expect(await userMessage(() => scan(dir))).toContain(message);
  });
});
