import { z } from 'zod';
import type { Dataset } from '../dataset.js';
import { defineDataset } from '../kind.js';
import { CIFAR100 } from './cifar-layout.js';
import { OFFICIAL, readCifar } from './cifar.js';
import { fetchedSource } from './fetched.js';
import { dirOf } from './fields.js';

export const cifar100Kind = defineDataset({
  name: 'cifar100',
  options: z.strictObject({ dir: dirOf('cifar100') }),
  build: ({ dir }) =>
    fetchedSource('cifar100', dir, {
      shape: { classes: 100, imageShape: [32, 32, 3] },
      read: () => loadCifar100(dir),
    }),
});

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
