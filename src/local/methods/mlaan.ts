import { z } from 'zod';
import type { Network } from '../../networks/network.js';
import { convolutionalNet } from '../axes/auxiliary/convolutional.js';
import { mlaanImagenetNet } from '../axes/auxiliary/mlaan.js';
import { augmentingChain } from '../axes/bridge/chain.js';
import { momentumOption } from '../axes/bridge/momentum-net.js';
import { labels } from '../axes/loss/classification.js';
import { cascadePath, cascadeWeights } from '../axes/path/cascade.js';
import { trainableVariables } from '../../nn/layer.js';
import { composeStrategy } from '../compose.js';
import { defineMethod } from '../method.js';
import { stageCuts } from '../partition/options.js';
import { partition } from './fragments.js';
import { chainAfter } from './mlaan-chains.js';

/** In what MLAAN's two programs differ, beside their chains. */
const variants = {
  cifar: {
    cascades: 2,
    start: 'copied',
    headLoss: 'cascade',
    auxiliary: convolutionalNet('0c1f'),
    /** How often a step the momentum net of block i is updated; `last` is that of the last but one block. */
    updates: (last: boolean) => (last ? 1 : 0),
  },
  imagenet: {
    cascades: 3,
    start: 'drawn',
    headLoss: 'both',
    auxiliary: mlaanImagenetNet,
    updates: (last: boolean) => (last ? 2 : 1),
  },
} as const;

type Variant = keyof typeof variants;

const variantOf = (network: Network): Variant => (network.name.includes('imagenet') ? 'imagenet' : 'cifar');

/**
 * MLAAN (Zhang et al., AAAI 2025, arXiv 2406.16633): multilaminar leap augmented auxiliary networks. HPFF's path, blocks
 * alone and in cascades, with plain auxiliary nets (global average pool, linear) and cross-entropy; between a cascade and its
 * auxiliary net stand an augmenting chain of nets shaped like later units, trained, and beside the first of them a momentum net.
 * No decoder, no ramps. Of the published code's two programs:
 *
 * - `cifar`: cascades of two. Chains and momentum nets start as copies of the network's units. The last block's loss is
 *   its cascade's alone, with weight 1; by itself it only moves its running statistics.
 * - `imagenet`: cascades of three. All nets start with draws of their own. The last block's loss weighs its cascade's and
 *   its own on the shared head. Auxiliary nets of 64 and 128 channels (ResNet-34) have two 1×1 convolutions.
 *
 * Chains are the published ones on ResNet-32 (K = 8, 16), ResNet-110 (K = 32, 55), ImageNet's ResNet-34 (16 blocks), -101
 * (33) and -152 (50); elsewhere they follow `ruledChain`. The published code counts 15 and 54 where it cuts after every
 * unit of ResNet-32 and -110; here 16 and 55 do as well, as in MAN. A momentum net follows the first unit of its chain,
 * which may come before the block, or be the block's own.
 */
export const mlaan = defineMethod({
  name: 'mlaan',
  options: z.strictObject({
    ...partition,
    /** Which of the two programs it follows: `imagenet` on ImageNet's networks, `cifar` on all others, if not given. */
    variant: z.enum(['cifar', 'imagenet']).exactOptional(),
    ...cascadeWeights,
    /** m in M ← m·M + (1 − m)·unit. */
    momentum: momentumOption,
    /**
     * Which momentum nets are updated: `every` one, once a step; or as in the published code, where `cifar` updates that
     * of the last but one block alone, all others staying at their initial values for good, and `imagenet` updates every
     * one, that of the last but one block twice.
     */
    momentumUpdates: z.enum(['published', 'every']).default('published'),
  }),
  build(network, { momentum, momentumUpdates, independentWeight, cascadeWeight, ...options }) {
    const { cuts } = stageCuts(network, { method: 'mlaan', ...options });
    const { cascades, start, headLoss, auxiliary, updates } = variants[options.variant ?? variantOf(network)];
    const crossEntropy = labels('cross-entropy');
    return composeStrategy(network, {
      name: 'mlaan',
      cuts,
      path: cascadePath({
        length: cascades,
        independentWeight,
        cascadeWeight,
        independentLoss: crossEntropy,
        headLoss,
        augmentation(scope, { position, units }) {
          const chain = chainAfter(network, cuts, units.at(-1)!);
          const times = momentumUpdates === 'every' ? 1 : updates(position === cuts.length - 1);
          return {
            bridge: augmentingChain(scope, chain, { momentum, start, updates: times }),
            unit: chain.at(-1)!,
            follows: times === 0 ? [] : trainableVariables([chain[0]!.layer]),
          };
        },
      }),
      auxiliary,
      loss: crossEntropy,
    });
  },
});
