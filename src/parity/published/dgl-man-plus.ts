import { z } from 'zod';
import { manPlusNames } from './man-plus.js';
import { publishedMethod } from './method.js';
import { balancedOptions, balancedSetting } from './two-term.js';
import { unreadWeights } from './weights.js';

export const dglManPlus = publishedMethod({
  name: 'dgl-man-plus',
  settings: {
    ...unreadWeights,
    ...balancedSetting,
    momentum: z.number(),
    aux_net_feature_dim: z.int().exactOptional(),
    /** Taken and not read: the head has its own form and loss. */
    aux_net_config: z.string().exactOptional(),
    local_loss_mode: z.literal('cross_entropy').exactOptional(),
  },
  names: manPlusNames,
  translate: ({ momentum, aux_net_feature_dim: width, ...settings }, { K }) => ({
    method: 'dgl-man-plus',
    blocks: K,
    ...balancedOptions(settings),
    ...(width === undefined ? {} : { featureWidth: width }),
    momentum,
  }),
});
