import type { Dataset, MemorySplit } from '../../src/data/dataset.js';
import { randomStream } from '../../src/core/random.js';
import { tinyClasses, tinyShape } from './tiny.js';

/** Small images of noise. */
export function noise(size: number, name: string): MemorySplit {
  const random = randomStream(1, name);
  const labels = Uint16Array.from({ length: size }, (_, i) => i % tinyClasses);
  const images = Uint8Array.from({ length: size * 192 }, () => random.below(256));
  return { kind: 'memory', size, images, labels };
}

/** In batches of four: four an epoch, the last of two images, and two for evaluation. */
export const noiseDataset: Dataset = {
  name: 'noise',
  classes: ['a', 'b', 'c', 'd'],
  imageShape: tinyShape,
  mean: [0.5, 0.5, 0.5],
  std: [0.25, 0.25, 0.25],
  train: noise(14, 'train'),
  test: noise(6, 'test'),
  augmentation: { crop: { kind: 'padded', pad: 1, padMode: 'zero' }, flip: true },
};
