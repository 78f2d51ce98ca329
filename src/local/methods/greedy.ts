import { z } from 'zod';
import { convolutionalNet } from '../axes/auxiliary/convolutional.js';
import { composeStrategy } from '../compose.js';
import { labels } from '../axes/loss/classification.js';
import { defineMethod } from '../method.js';
import { unitCuts } from '../partition/options.js';
import { independentPath } from '../axes/path/independent.js';
import { partition } from './fragments.js';

/** Greedy (Belilovsky et al., ICML 2019, layer-wise): a linear classifier on each block's pooled features. */
export const greedy = defineMethod({
  name: 'greedy',
  options: z.strictObject(partition),
  build: (network, options) =>
    composeStrategy(network, {
      name: 'greedy',
      cuts: unitCuts(network, { method: 'greedy', ...options }),
      path: independentPath,
      auxiliary: convolutionalNet('0c1f'),
      loss: labels('cross-entropy'),
    }),
});
