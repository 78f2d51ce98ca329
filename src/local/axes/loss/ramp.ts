import { z } from 'zod';
import type { Site } from '../../site.js';

/** A loss weight at the first and at the last auxiliary net. */
export type WeightRange = readonly [first: number, last: number];

const weight = z.number().min(0);

/** A loss weight: a number, or the weights at the first and the last auxiliary net. */
export const weightRange = z.union(
  [
    weight.transform((value): WeightRange => [value, value]),
    z.tuple([weight, weight]).readonly() satisfies z.ZodType<WeightRange>,
  ],
  { error: 'must be a number from 0, or [first, last] of two such numbers' },
);

/** How far a site is along the network: 0 at the first auxiliary net, 1 at the last. */
export type Progress = (site: Site) => number;

/** position / (K − 2) with K = `count`; 0 where K ≤ 2 (InfoPro, HPFF; MAN's paper with K the number of blocks). */
export const alongBlocks =
  (count: (site: Site) => number): Progress =>
  (site) =>
    ratio(site.position, count(site));

/**
 * stage / (K − 2), with the stage number, 1…3, of the unit and K the *requested* number: what MAN's published code
 * does. It passes 1, and weights change sign, where K is below 5.
 */
export const alongStages =
  (requested: number): Progress =>
  (site) =>
    ratio(site.unit.stage, requested);

function ratio(position: number, count: number): number {
  return count > 2 ? position / (count - 2) : 0;
}

/** λ = first · (1 − progress) + last · progress. */
export function rampedWeight([first, last]: WeightRange, progress: Progress): (site: Site) => number {
  return (site) => {
    const t = progress(site);
    return first * (1 - t) + last * t;
  };
}

/** Ramps over the blocks that there are. */
export const alongOwnBlocks: Progress = alongBlocks((site) => site.blocks);
