import { z } from 'zod';
import { vggDepths, vggHeads } from './vgg.js';

/** He et al.'s CIFAR ResNet. */
const resnet = z.strictObject({
  name: z.literal('resnet'),
  depth: z.int().refine((depth) => depth >= 8 && depth % 6 === 2, 'must be 6m+2: 8, 14, 20, 26, 32, … 110'),
});

/** torchvision's ResNets. */
const resnetImagenet = z.strictObject({
  name: z.literal('resnet-imagenet'),
  depth: z.literal([18, 34, 50, 101, 152]),
});

/** torchvision's ResNeXt-101 32×8d. */
const resnextImagenet = z.strictObject({
  name: z.literal('resnext-imagenet'),
  depth: z.literal([101]).default(101),
});

/** torchvision's VGGs with batch normalisation. */
const vgg = z.strictObject({
  name: z.literal('vgg'),
  depth: z.literal(vggDepths),
  /** `torchvision`: three linear layers, 4096 wide, with dropout; `pooled`: global average pool and one linear layer. */
  head: z.enum(vggHeads).default('torchvision'),
});

/** A Vision Transformer without a class token. */
const vit = z
  .strictObject({
    name: z.literal('vit'),
    /** Height and width of a patch in pixels; it must divide the image's. */
    patchSize: z.int().min(1).default(4),
    /** Encoder blocks. */
    depth: z.int().min(1).max(100).default(6),
    /** Channels of a token. */
    width: z.int().min(1).max(4096).default(192),
    /** Attention heads; they must divide the width. */
    heads: z.int().min(1).default(3),
    /** Of the hidden layer of each block's MLP; four times the width if not given. */
    mlpWidth: z.int().min(1).max(16_384).exactOptional(),
  })
  .refine(({ width, heads }) => width % heads === 0, {
    path: ['heads'],
    error: 'must divide network.width',
  });

/** The `network` section of a config. */
export const networkOptionsSchema = z.discriminatedUnion('name', [
  resnet,
  resnetImagenet,
  resnextImagenet,
  vgg,
  vit,
]);

export type NetworkOptions = z.output<typeof networkOptionsSchema>;
export type NetworkOptionsInput = z.input<typeof networkOptionsSchema>;
