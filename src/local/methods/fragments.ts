import { z } from 'zod';
import { UserError } from '../../core/errors.js';
import type { AuxiliaryNet } from '../axes/auxiliary/auxiliary.js';
import { convolutionalNet, convolutionalWidths } from '../axes/auxiliary/convolutional.js';
import { imagenetNet } from '../axes/auxiliary/imagenet.js';
import { decoderOf, decoderOptions } from '../axes/decoder/built-in.js';
import { labels } from '../axes/loss/classification.js';
import type { LocalLoss } from '../axes/loss/loss.js';
import { rampedWeight, weightRange, type Progress } from '../axes/loss/ramp.js';
import { reconstruction } from '../axes/loss/reconstruction.js';
import { weighted } from '../axes/loss/weighted.js';

/** Options that several methods have in common. */

/** Where to cut: by number, or after the units named. */
export const partition = {
  /** K. */
  blocks: z.int().min(2).exactOptional(),
  /**
   * Names of the units that end a block; or, for `blocks`, `balanced` for those that measuring finds best, or the
   * published `memory-balanced` ones.
   */
  cuts: z
    .union([z.enum(['balanced', 'memory-balanced']), z.array(z.string()).min(1).readonly()], {
      error: "must be 'balanced', 'memory-balanced' or a list of unit names",
    })
    .exactOptional(),
};

/** How weights run from their first value to their last: over the blocks, or over the network's stages. */
export const ramp = z.enum(['blocks', 'stages']);

/** The net that classifies a block's features. */
const auxiliary = z
  .string()
  .regex(
    /^(\dc[1-9]f|imagenet)$/,
    'expected <convolutions>c<linear layers>f, such as 0c1f or 2c2f, or imagenet',
  );

/** InfoPro's two-term loss, λ1 · reconstruction + λ2 · classification, and the net that classifies. */
export const twoTermLoss = {
  auxiliary: auxiliary.default('2c2f'),
  ...convolutionalWidths,
  loss: z.enum(['cross-entropy', 'contrast']).default('cross-entropy'),
  ...decoderOptions,
  /** λ1 at the first and the last auxiliary net. */
  reconstruction: weightRange.default([5, 0]),
  /** λ2 likewise. */
  classification: weightRange.default([0.5, 0]),
};

/** What options of `twoTermLoss` were called in the release before. */
export const twoTermFormerly = { head: 'auxiliary' };

type TwoTermOptions = z.output<z.ZodObject<typeof twoTermLoss>>;

export function auxiliaryOf({
  auxiliary,
  featureWidth,
  widen,
}: Pick<TwoTermOptions, 'auxiliary' | 'featureWidth' | 'widen'>): AuxiliaryNet {
  if (auxiliary !== 'imagenet') return convolutionalNet(auxiliary, { features: featureWidth, widen });
  if (widen === 1) return imagenetNet;
  throw new UserError(
    `widen is of nets such as 2c2f; auxiliary: imagenet has the published widths: leave out widen`,
  );
}

/** λ1 · reconstruction + λ2 · classification. */
export function twoTermLossOf(options: TwoTermOptions, progress: Progress): LocalLoss {
  return weighted([
    {
      name: 'reconstruction',
      loss: reconstruction(decoderOf(options)),
      weight: rampedWeight(options.reconstruction, progress),
    },
    {
      name: 'classification',
      loss: labels(options.loss, options.featureWidth),
      weight: rampedWeight(options.classification, progress),
    },
  ]);
}
