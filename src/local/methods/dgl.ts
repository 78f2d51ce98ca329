import { z } from 'zod';
import { dglNet } from '../axes/auxiliary/dgl.js';
import { composeStrategy } from '../compose.js';
import { labels } from '../axes/loss/classification.js';
import { defineMethod } from '../method.js';
import { unitCuts } from '../partition/options.js';
import { independentPath } from '../axes/path/independent.js';
import { partition } from './fragments.js';

/** DGL (Belilovsky et al., ICML 2020): a small network of 1×1 convolutions and linear layers on each block. */
export const dgl = defineMethod({
  name: 'dgl',
  options: z.strictObject(partition),
  build: (network, options) =>
    composeStrategy(network, {
      name: 'dgl',
      cuts: unitCuts(network, { method: 'dgl', ...options }),
      path: independentPath,
      auxiliary: dglNet,
      loss: labels('cross-entropy'),
    }),
});
