import { z } from 'zod';
import { pooledLinear } from '../axes/auxiliary/pooled.js';
import { composeStrategy } from '../compose.js';
import { labels, similarity, weighted } from '../axes/loss/local-loss.js';
import { defineMethod } from '../method.js';
import { unitCuts } from '../partition/options.js';
import { independentPath } from '../axes/path/independent.js';
import { rampedWeight } from '../axes/loss/ramp.js';
import { alongOwnBlocks, partition, weightRange } from './fragments.js';

/** PredSim (Nøkland & Eidnes, ICML 2019): similarity matching and a pooled linear classifier. */
export const predsim = defineMethod({
  name: 'predsim',
  options: z.strictObject({
    ...partition,
    /** Weight of the similarity at the first and the last auxiliary net. */
    similarity: weightRange.default([0.99, 0.99]),
    /** Weight of the classification likewise. */
    classification: weightRange.default([0.01, 0.01]),
    /** The most features that the classifier's linear layer reads; average pools bring them down to it. */
    poolWidth: z.int().min(1).default(512),
  }),
  build: (network, options) =>
    composeStrategy(network, {
      name: 'predsim',
      cuts: unitCuts(network, { method: 'predsim', ...options }),
      path: independentPath,
      auxiliary: pooledLinear(options.poolWidth),
      loss: weighted([
        { loss: similarity, weight: rampedWeight(options.similarity, alongOwnBlocks) },
        { loss: labels('cross-entropy'), weight: rampedWeight(options.classification, alongOwnBlocks) },
      ]),
    }),
});
