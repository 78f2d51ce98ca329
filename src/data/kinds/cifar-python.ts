import { join } from 'node:path';
import { UserError } from '../../core/errors.js';
import type { ByteSplit } from '../dataset.js';
import { readChecked } from '../../core/read.js';
import { emptySplit } from '../split.js';
import type { CifarContent, CifarCounts, CifarLayout } from './cifar-layout.js';
import { checkClassNames } from './class-names.js';
import { readPickle } from '../../formats/pickle.js';
import { isArray, pickleText, type PickleValue } from '../../formats/pickle-values.js';
import { planesToPixels } from './planes.js';

const LAYOUT = { shape: [32, 32, 3], columns: false } as const;
const IMAGE_BYTES = 32 * 32 * 3;

/** Each label and file name takes one opcode or two; saved anew by Python 3 for Python 2, a name takes eight. */
const STEPS_PER_IMAGE = 16;
const MORE_STEPS = 4096;

/** Names and the like beside the images; saved as above, half of the images' bytes take two. */
const MORE_BYTES_PER_IMAGE = 1024 + IMAGE_BYTES;
const MORE_BYTES = 65_536;

/**
 * The python version: pickled dictionaries of an array of bytes `[images, 3072]`, the three planes row by row, and a
 * list of labels.
 * @throws UserError if a file is missing, is no such pickle, or a label is out of range
 */
export async function readCifarPython(
  folder: string,
  { classCount, python }: CifarLayout,
  counts: CifarCounts,
  help: string,
): Promise<CifarContent> {
  const { labelsKey } = python;
  return {
    classes: await readNames(join(folder, python.meta), python.namesKey, classCount, help),
    train: await readSplit(folder, python.train, counts.train, labelsKey, classCount, help),
    test: await readSplit(folder, [python.test], counts.test, labelsKey, classCount, help),
  };
}

async function readNames(path: string, key: string, count: number, help: string): Promise<readonly string[]> {
  const meta = await readDictionary(path, 0, help);
  const list = meta.get(key);
  const names = Array.isArray(list) ? list.map(pickleText) : [];
  if (!names.every((name) => name !== undefined)) {
    throw new UserError(`${path}: expected ${key} to be strings, get the file anew`);
  }
  checkClassNames(names, count, path);
  return names;
}

async function readSplit(
  folder: string,
  files: readonly string[],
  count: number,
  labelsKey: string,
  classCount: number,
  help: string,
): Promise<ByteSplit> {
  const perFile = count / files.length;
  let split: ByteSplit | undefined;
  for (const [n, file] of files.entries()) {
    const path = join(folder, file);
    const batch = await readDictionary(path, perFile, help);
    const labels = checkLabels(batch.get(labelsKey), labelsKey, perFile, classCount, path);
    const image = imageReader(batch.get('data'), perFile, path);
    split ??= emptySplit(count, IMAGE_BYTES);
    split.labels.set(labels, n * perFile);
    for (let i = 0; i < perFile; i++) image(i, split.images, (n * perFile + i) * IMAGE_BYTES);
  }
  return split!;
}

async function readDictionary(
  path: string,
  images: number,
  help: string,
): Promise<ReadonlyMap<string, PickleValue>> {
  const least = images * IMAGE_BYTES;
  const most = least + images * MORE_BYTES_PER_IMAGE + MORE_BYTES;
  const bytes = await readChecked(path, help, (size) => {
    if (size < least || size > most) {
      throw new UserError(
        `${path}: expected ${least} to ${most} bytes, found ${size}; the file is ${size < least ? 'truncated' : 'not the official one'}, get it anew`,
      );
    }
  });
  const value = readPickle(bytes, path, images * STEPS_PER_IMAGE + MORE_STEPS);
  if (!(value instanceof Map)) throw new UserError(`${path}: expected a dictionary, get the file anew`);
  return value;
}

function checkLabels(
  list: PickleValue | undefined,
  key: string,
  count: number,
  classCount: number,
  path: string,
): readonly number[] {
  if (!Array.isArray(list) || list.length !== count) {
    const found = Array.isArray(list) ? list.length : 'no list';
    throw new UserError(`${path}: expected ${count} ${key}, found ${found}, get the file anew`);
  }
  return list.map((label, i) => {
    if (typeof label === 'number' && Number.isInteger(label) && label >= 0 && label < classCount)
      return label;
    const found = typeof label === 'number' ? label : 'no number';
    throw new UserError(`${path}: ${key} ${i}: expected 0 to ${classCount - 1}, found ${found}`);
  });
}

/** Writes image `i` as pixels to `offset` of `target`. */
function imageReader(
  data: PickleValue | undefined,
  count: number,
  path: string,
): (i: number, target: Uint8Array, offset: number) => void {
  if (!isArray(data) || data.type.code !== 'u1' || data.shape.join('×') !== `${count}×${IMAGE_BYTES}`) {
    const found = isArray(data) ? `${data.shape.join('×')} ${data.type.code}` : 'no array';
    throw new UserError(`${path}: data: expected ${count}×${IMAGE_BYTES} u1, found ${found}`);
  }
  const { bytes, fortran } = data;
  if (!fortran) return (i, target, offset) => planesToPixels(LAYOUT, bytes, i * IMAGE_BYTES, target, offset);
  const planes = new Uint8Array(IMAGE_BYTES);
  return (i, target, offset) => {
    for (let p = 0; p < IMAGE_BYTES; p++) planes[p] = bytes[p * count + i]!;
    planesToPixels(LAYOUT, planes, 0, target, offset);
  };
}
