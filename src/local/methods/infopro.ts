import { z } from 'zod';
import { composeStrategy } from '../compose.js';
import { defineMethod } from '../method.js';
import { unitCuts } from '../partition/options.js';
import { independentPath } from '../axes/path/independent.js';
import { alongOwnBlocks } from '../axes/loss/ramp.js';
import { auxiliaryOf, partition, twoTermFormerly, twoTermLoss, twoTermLossOf } from './fragments.js';

/** InfoPro (Wang et al., ICLR 2021): reconstruction of the image and classification. */
export const infopro = defineMethod({
  name: 'infopro',
  options: z.strictObject({
    ...partition,
    ...twoTermLoss,
    auxiliary: twoTermLoss.auxiliary.unwrap().default('1c2f'),
    reconstruction: twoTermLoss.reconstruction.unwrap().default([5, 0.2]),
    classification: twoTermLoss.classification.unwrap().default([0.05, 0.5]),
  }),
  formerly: twoTermFormerly,
  build: (network, options) =>
    composeStrategy(network, {
      name: 'infopro',
      cuts: unitCuts(network, { method: 'infopro', ...options }),
      path: independentPath,
      auxiliary: auxiliaryOf(options),
      loss: twoTermLossOf(options, alongOwnBlocks),
    }),
});
