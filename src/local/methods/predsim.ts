import { z } from 'zod';
import { pooledLinear, poolWidth } from '../axes/auxiliary/pooled.js';
import { composeStrategy } from '../compose.js';
import { labels } from '../axes/loss/classification.js';
import { similarity } from '../axes/loss/similarity.js';
import { weighted } from '../axes/loss/weighted.js';
import { defineMethod } from '../method.js';
import { unitCuts } from '../partition/options.js';
import { independentPath } from '../axes/path/independent.js';
import { rampedWeight } from '../axes/loss/ramp.js';
import { alongOwnBlocks, weightRange } from '../axes/loss/ramp.js';
import { partition } from './fragments.js';

/** PredSim (Nøkland & Eidnes, ICML 2019): similarity matching and a pooled linear classifier. */
export const predsim = defineMethod({
  name: 'predsim',
  options: z.strictObject({
    ...partition,
    /** Weight of the similarity at the first and the last auxiliary net. */
    similarity: weightRange.default([0.99, 0.99]),
    /** Weight of the classification likewise. */
    classification: weightRange.default([0.01, 0.01]),
    poolWidth,
  }),
  build: (network, options) =>
    composeStrategy(network, {
      name: 'predsim',
      cuts: unitCuts(network, { method: 'predsim', ...options }),
      path: independentPath,
      auxiliary: pooledLinear(options.poolWidth),
      loss: weighted([
        { name: 'similarity', loss: similarity, weight: rampedWeight(options.similarity, alongOwnBlocks) },
        {
          name: 'classification',
          loss: labels('cross-entropy'),
          weight: rampedWeight(options.classification, alongOwnBlocks),
        },
      ]),
    }),
});
