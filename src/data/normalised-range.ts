import type { Dataset, Split } from './dataset.js';
import { holdsFloats } from './split.js';

/**
 * How far from 0 the values of a split's images can be when they are normalised: of floating-point numbers the farthest
 * that there is, of bytes the farthest of any.
 */
export function farthestNormalised(split: Split, { mean, std }: Pick<Dataset, 'mean' | 'std'>): number {
  const distance = (value: number, channel: number): number =>
    Math.abs((value - mean[channel]!) / std[channel]!);
  if (split.kind !== 'memory' || !holdsFloats(split)) {
    return Math.max(...mean.flatMap((_, channel) => [distance(0, channel), distance(1, channel)]));
  }
  let farthest = 0;
  split.images.forEach((value, i) => (farthest = Math.max(farthest, distance(value, i % mean.length))));
  return farthest;
}
