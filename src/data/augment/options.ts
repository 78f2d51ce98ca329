import { z } from 'zod';
import type { Augmentation } from '../dataset.js';

/** A least and a greatest value, in this order. */
const range = (least: z.ZodNumber) =>
  z
    .tuple([least, least])
    .refine(([from, to]) => from <= to, 'must be the least and the greatest, in this order');

const cropSchema = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('padded'),
    /** Pixels at each border; 0 for no crop. */
    pad: z.int().min(0).max(256),
    padMode: z.enum(['reflect', 'zero']).default('reflect'),
  }),
  z.strictObject({
    kind: z.literal('resized'),
    /** Share of the image's area. Default: ImageNet's. */
    scale: range(z.number().positive().max(1)).default([0.08, 1]),
    /** Width over height. */
    ratio: range(z.number().positive().max(100)).default([3 / 4, 4 / 3]),
  }),
]);

/**
 * The `data.augmentation` section of a config: what takes the place of the data set's own. The crop and the flip are
 * the data set's unless given; the others are off unless given.
 */
export const augmentationSchema = z.strictObject({
  crop: cropSchema.exactOptional(),
  flip: z.boolean().exactOptional(),
  /** torchvision's ColorJitter; each 0 by default. */
  colorJitter: z
    .strictObject({
      brightness: z.number().min(0).max(10).default(0),
      contrast: z.number().min(0).max(10).default(0),
      saturation: z.number().min(0).max(10).default(0),
      hue: z.number().min(0).max(0.5).default(0),
    })
    .exactOptional(),
  /** Cubuk et al. 2020: N operations of magnitude M. */
  randAugment: z
    .strictObject({
      operations: z.int().min(1).max(14).default(2),
      magnitude: z.int().min(0).max(30).default(9),
    })
    .exactOptional(),
  /** DeVries & Taylor 2017: a square of the mean colour, its side in pixels (16 for CIFAR-10, 8 for CIFAR-100). */
  cutout: z.strictObject({ size: z.int().min(1).max(4096) }).exactOptional(),
});

/** Validated, defaults filled in. */
export type AugmentationOptions = z.output<typeof augmentationSchema>;

/** The data set's own augmentation with a config's in place of its parts. */
export function overrideAugmentation(own: Augmentation, options: AugmentationOptions = {}): Augmentation {
  return { ...own, ...options };
}
