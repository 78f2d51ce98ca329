import { join } from 'node:path';
import { UserError } from '../../core/errors.js';
import type { Dataset } from '../dataset.js';
import { missingAt } from '../../core/shown.js';
import { exists } from '../../core/read.js';
import { readCifarBinary } from './cifar-binary.js';
import type { CifarCounts, CifarLayout } from './cifar-layout.js';
import { readCifarPython } from './cifar-python.js';

/** Of both sets. */
export const OFFICIAL: CifarCounts = { train: 50_000, test: 10_000 };

/** The parts of a data set that are read, and the folder they were found in. */
export async function readCifar(
  name: 'cifar10' | 'cifar100',
  dir: string,
  layout: CifarLayout,
  counts: CifarCounts,
): Promise<Omit<Dataset, 'mean' | 'std'>> {
  const binary = join(dir, layout.binary.folder);
  const python = join(dir, layout.python.folder);
  const help = `run locallearn data fetch ${name}, or get it from https://www.cs.toronto.edu/~kriz/cifar.html and unpack it there, see datasets/README.md`;
  const found = (await exists(binary)) ? binary : (await exists(python)) ? python : undefined;
  if (found === undefined) {
    throw new UserError(`${missingAt(binary)}, and so is ${layout.python.folder} beside it: ${help}`);
  }
  const read = found === binary ? readCifarBinary : readCifarPython;
  return {
    name,
    ...(await read(found, layout, counts, help)),
    source: found,
    imageShape: [32, 32, 3],
    augmentation: { crop: { kind: 'padded', pad: 4, padMode: 'reflect' }, flip: true },
  };
}
