import { momentumOptions } from '../axes/bridge/momentum-net.js';
import { z } from 'zod';
import { momentumBridge } from '../axes/bridge/momentum.js';
import { composeStrategy } from '../compose.js';
import { defineMethod } from '../method.js';
import { stageCuts } from '../partition/options.js';
import { independentPath } from '../axes/path/independent.js';
import { alongStages } from '../axes/loss/ramp.js';
import { alongOwnBlocks } from '../axes/loss/ramp.js';
import { auxiliaryOf, partition, ramp, twoTermFormerly, twoTermLoss, twoTermLossOf } from './fragments.js';

/**
 * MAN (Su et al., ECCV 2024): InfoPro's loss read through a momentum bridge. Its ImageNet code is `auxiliary: imagenet`,
 * `decoder: man-imagenet`, `reconstruction: 5` and `classification: 0.75`.
 */
export const man = defineMethod({
  name: 'man',
  options: z.strictObject({
    ...partition,
    ...twoTermLoss,
    /** Along the blocks, as in the paper, or along the network's stages, as in the published code. */
    ramp: ramp.default('blocks'),
    ...momentumOptions,
  }),
  formerly: twoTermFormerly,
  build(network, options) {
    const { cuts, count } = stageCuts(network, { method: 'man', ...options });
    return composeStrategy(network, {
      name: 'man',
      cuts,
      path: independentPath,
      bridge: momentumBridge(options.momentum, options.momentumStart),
      auxiliary: auxiliaryOf(options),
      loss: twoTermLossOf(options, options.ramp === 'stages' ? alongStages(count) : alongOwnBlocks),
    });
  },
});
