import { z } from 'zod';
import type { Dataset } from '../dataset.js';
import { defineDataset } from '../kind.js';
import { CIFAR10 } from './cifar-layout.js';
import { OFFICIAL, readCifar } from './cifar.js';
import { fetchedSource } from './fetched.js';
import { dirOf } from './fields.js';

export const cifar10Kind = defineDataset({
  name: 'cifar10',
  options: z.strictObject({ dir: dirOf('cifar10') }),
  build: ({ dir }) =>
    fetchedSource('cifar10', dir, {
      shape: { classes: 10, imageShape: [32, 32, 3] },
      read: () => loadCifar10(dir),
    }),
});

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
