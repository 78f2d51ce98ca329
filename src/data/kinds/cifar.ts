import { join } from 'node:path';
import { UserError } from '../../core/errors.js';
import type { Dataset } from '../dataset.js';
import { missingAt } from '../../core/shown.js';
import { exists } from '../../core/read.js';
import { readCifarBinary } from './cifar-binary.js';
import type { CifarCounts, CifarLayout } from './cifar-layout.js';
import { CIFAR10, CIFAR100 } from './cifar-layout.js';
import { readCifarPython } from './cifar-python.js';

const OFFICIAL: CifarCounts = { train: 50_000, test: 10_000 };

/**
 * CIFAR-10 (Krizhevsky 2009): 50,000 training and 10,000 test images, `[32, 32, 3]`, from `<dir>/cifar-10-batches-bin`
 * (the official binary version) or, where that is not there, from `<dir>/cifar-10-batches-py` (the python version).
 * Mean, standard deviation and augmentation (reflect-pad 4, crop, flip) are those of the local-learning papers.
 * @throws UserError if a file is missing or of another size, holds anything but what it should, or a label is out of
 * range
 */
export async function loadCifar10(dir: string, counts = OFFICIAL): Promise<Dataset> {
  return {
    mean: [125.3 / 255, 123.0 / 255, 113.9 / 255],
    std: [63.0 / 255, 62.1 / 255, 66.7 / 255],
    ...(await readCifar('cifar10', dir, CIFAR10, counts)),
  };
}

/**
 * CIFAR-100 (Krizhevsky 2009) with its 100 fine labels: 50,000 training and 10,000 test images, `[32, 32, 3]`, from
 * `<dir>/cifar-100-binary` or, where that is not there, from `<dir>/cifar-100-python`. Mean and standard deviation are
 * the widely published ones; augmentation is CIFAR-10's.
 * @throws UserError as `loadCifar10`
 */
export async function loadCifar100(dir: string, counts = OFFICIAL): Promise<Dataset> {
  return {
    mean: [129.3 / 255, 124.1 / 255, 112.4 / 255],
    std: [68.2 / 255, 65.4 / 255, 70.4 / 255],
    ...(await readCifar('cifar100', dir, CIFAR100, counts)),
  };
}

/** The parts of a data set that are read, and the folder they were found in. */
async function readCifar(
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
