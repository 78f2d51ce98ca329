import { z } from 'zod';
import { composeStrategy } from '../compose.js';
import { defineMethod } from '../method.js';
import { unitCuts } from '../partition/options.js';
import { independentPath } from '../axes/path/independent.js';
import { alongOwnBlocks } from '../axes/loss/ramp.js';
import { headOf, partition, twoTermLoss, twoTermLossOf } from './fragments.js';

/** InfoPro (Wang et al., ICLR 2021): reconstruction of the image and classification. */
export const infopro = defineMethod({
  name: 'infopro',
  options: z.strictObject({
    ...partition,
    ...twoTermLoss,
    head: twoTermLoss.head.unwrap().default('1c2f'),
    reconstruction: twoTermLoss.reconstruction.unwrap().default([5, 0.2]),
    classification: twoTermLoss.classification.unwrap().default([0.05, 0.5]),
  }),
  build: (network, options) =>
    composeStrategy(network, {
      name: 'infopro',
      cuts: unitCuts(network, { method: 'infopro', ...options }),
      path: independentPath,
      auxiliary: headOf(options),
      loss: twoTermLossOf(options, alongOwnBlocks),
    }),
});
