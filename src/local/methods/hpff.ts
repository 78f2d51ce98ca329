import { z } from 'zod';
import { composeStrategy } from '../compose.js';
import { fusions } from '../axes/fusion/fusion.js';
import { labels } from '../axes/loss/classification.js';
import { defineMethod } from '../method.js';
import { stageCuts } from '../partition/options.js';
import { cascadePath } from '../axes/path/cascade.js';
import { alongBlocks, alongStages } from '../axes/loss/ramp.js';
import { cascadeWeights } from '../axes/path/cascade.js';
import { auxiliaryOf, partition, ramp, twoTermFormerly, twoTermLoss, twoTermLossOf } from './fragments.js';

/**
 * HPFF (Su et al., ECCV 2024): HiLo's cascade of blocks, with patch feature fusion of the reconstruction. Its ImageNet
 * code is `auxiliary: imagenet`, `decoder: hpff-imagenet`, `fusion: patch-sum` and, as it has pairs alone,
 * `independentWeight: 0`.
 */
export const hpff = defineMethod({
  name: 'hpff',
  options: z.strictObject({
    ...partition,
    ...twoTermLoss,
    /** Along the blocks, or along the network's stages, as in MAN's published code. */
    ramp: ramp.default('blocks'),
    ...cascadeWeights,
    fusion: z.enum(fusions).default('patches'),
  }),
  formerly: twoTermFormerly,
  build(network, options) {
    const { cuts, count } = stageCuts(network, { method: 'hpff', ...options });
    return composeStrategy(network, {
      name: 'hpff',
      cuts,
      path: cascadePath({
        independentWeight: options.independentWeight,
        cascadeWeight: options.cascadeWeight,
        independentLoss: labels(options.loss, options.featureWidth),
      }),
      auxiliary: auxiliaryOf(options),
      loss: twoTermLossOf(options, options.ramp === 'stages' ? alongStages(count) : alongBlocks(() => count)),
      fusion: options.fusion,
    });
  },
});
