import { z } from 'zod';
import { momentumBridge } from '../axes/bridge/momentum.js';
import { composeStrategy } from '../compose.js';
import { labels } from '../axes/loss/labels.js';
import { defineMethod } from '../method.js';
import { stageCuts } from '../partition/options.js';
import { cascadePath } from '../axes/path/cascade.js';
import { alongOwnBlocks } from '../axes/loss/ramp.js';
import { cascadeWeights } from '../axes/path/cascade.js';
import { headOf, twoTermLossOf } from './fragments.js';
import { infopro } from './infopro.js';
import { momentumOption } from '../axes/bridge/momentum-net.js';

/**
 * MLAAN (Zhang et al., AAAI 2025, arXiv 2406.16633): multilaminar local modules and leap augmented modules.
 *
 * From the abstract: each block learns through auxiliary nets of its own and of cascades of blocks, for local and
 * global features; the auxiliary nets are augmented by an exponential moving average that carries information between
 * blocks; all this is put on top of another method. Decided here: cascades are pairs, as HPFF's; the average is MAN's
 * momentum bridge, behind the pairs, since theirs are the nets that are to see globally, and starts as a copy; both
 * kinds of auxiliary net weigh the same, since the abstract names them as equals; the method underneath is InfoPro,
 * with its weights, and the momentum is MAN's.
 */
export const mlaan = defineMethod({
  name: 'mlaan',
  options: z.strictObject({
    ...infopro.options.shape,
    /** Weight of each block's loss on its own. */
    independentWeight: cascadeWeights.independentWeight.unwrap().default(0.5),
    /** Weight of each pair's loss. */
    cascadeWeight: cascadeWeights.cascadeWeight.unwrap().default(0.5),
    momentum: momentumOption,
  }),
  build(network, options) {
    const { cuts } = stageCuts(network, { method: 'mlaan', ...options });
    return composeStrategy(network, {
      name: 'mlaan',
      cuts,
      path: cascadePath({
        independentWeight: options.independentWeight,
        cascadeWeight: options.cascadeWeight,
        independentLoss: labels(options.loss, options.featureWidth),
      }),
      bridge: momentumBridge(options.momentum, 'copied'),
      auxiliary: headOf(options),
      loss: twoTermLossOf(options, alongOwnBlocks),
    });
  },
});
