import { z } from 'zod';
import { UserError } from '../../core/errors.js';
import type { AuxiliaryNet } from '../axes/auxiliary/auxiliary.js';
import { convolutionalHead } from '../axes/auxiliary/convolutional.js';
import { convolutionalDecoder, type Decoder } from '../axes/decoder/decoder.js';
import { hpffImagenetDecoder, manImagenetDecoder } from '../axes/decoder/imagenet-decoder.js';
import { imagenetHead } from '../axes/auxiliary/imagenet-head.js';
import { labels, reconstruction, weighted, type LocalLoss } from '../axes/loss/local-loss.js';
import { alongBlocks, rampedWeight, type Progress, type WeightRange } from '../axes/loss/ramp.js';

/** Options that several methods have in common. */

const weight = z.number().min(0);

/** A loss weight: a number, or the weights at the first and the last auxiliary net. */
export const weightRange = z.union(
  [
    weight.transform((value): WeightRange => [value, value]),
    z.tuple([weight, weight]).readonly() satisfies z.ZodType<WeightRange>,
  ],
  { error: 'must be a number from 0, or [first, last] of two such numbers' },
);

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

/** Of the cascade path. */
export const cascadeWeights = {
  /** Weight of each block's loss on its own (HPFF's wx). */
  independentWeight: z.number().min(0).default(0.001),
  /** Weight of each pair's loss (HPFF's wy). */
  cascadeWeight: z.number().min(0).default(0.999),
};

/** Width of hidden linear layers, and of the features that a contrast compares. */
export const featureWidth = z.int().min(1).default(128);

/** Factor on the published widths of a convolutional head. */
export const widen = z.number().positive().default(1);

/** The net that classifies a block's features. */
const head = z
  .string()
  .regex(
    /^(\dc[1-9]f|imagenet)$/,
    'expected <convolutions>c<linear layers>f, such as 0c1f or 2c2f, or imagenet',
  );

/** The net that rebuilds the image. */
export const decoderOptions = {
  /** InfoPro's, or those of MAN's or HPFF's ImageNet code. */
  decoder: z.enum(['2c', 'man-imagenet', 'hpff-imagenet']).default('2c'),
  /** Width of the hidden layer of decoder 2c; 12 if not given. */
  decoderWidth: z.int().min(1).exactOptional(),
};

/** InfoPro's two-term loss, λ1 · reconstruction + λ2 · classification, and the net that classifies. */
export const twoTermLoss = {
  head: head.default('2c2f'),
  featureWidth,
  widen,
  loss: z.enum(['cross-entropy', 'contrast']).default('cross-entropy'),
  ...decoderOptions,
  /** λ1 at the first and the last auxiliary net. */
  reconstruction: weightRange.default([5, 0]),
  /** λ2 likewise. */
  classification: weightRange.default([0.5, 0]),
};

type TwoTermOptions = z.output<z.ZodObject<typeof twoTermLoss>>;

export function headOf({
  head,
  featureWidth,
  widen,
}: Pick<TwoTermOptions, 'head' | 'featureWidth' | 'widen'>): AuxiliaryNet {
  if (head !== 'imagenet') return convolutionalHead(head, { features: featureWidth, widen });
  if (widen === 1) return imagenetHead;
  throw new UserError(
    `widen is of heads such as 2c2f; head imagenet has the published widths: leave out widen`,
  );
}

export function decoderOf({
  decoder,
  decoderWidth,
}: Pick<TwoTermOptions, 'decoder' | 'decoderWidth'>): Decoder {
  if (decoder === '2c') return convolutionalDecoder(decoderWidth);
  if (decoderWidth !== undefined) {
    throw new UserError(
      `decoderWidth is of decoder 2c; decoder ${decoder} has the published widths: leave out decoderWidth`,
    );
  }
  return decoder === 'man-imagenet' ? manImagenetDecoder : hpffImagenetDecoder;
}

/** λ1 · reconstruction + λ2 · classification. */
export function twoTermLossOf(options: TwoTermOptions, progress: Progress): LocalLoss {
  return weighted([
    {
      loss: reconstruction(decoderOf(options)),
      weight: rampedWeight(options.reconstruction, progress),
    },
    {
      loss: labels(options.loss, options.featureWidth),
      weight: rampedWeight(options.classification, progress),
    },
  ]);
}

/** Ramps over the blocks that there are. */
export const alongOwnBlocks: Progress = alongBlocks((site) => site.blocks);
