import type { Dataset, MemorySplit } from '../../src/data/dataset.js';

const size = 8;
const split: MemorySplit = {
  kind: 'memory',
  size,
  images: Uint8Array.from({ length: size * 192 }, (_, i) => i % 251),
  labels: Uint16Array.from({ length: size }, (_, i) => i % 2),
};

/** Eight images of two classes, 8×8, the same for training and testing. */
export const stripes: Dataset = {
  ...{ name: 'stripes', classes: ['a', 'b'], imageShape: [8, 8, 3] },
  ...{ mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25], train: split, test: split },
  augmentation: { crop: { kind: 'padded', pad: 1, padMode: 'zero' }, flip: true },
};
