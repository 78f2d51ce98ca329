import { z } from 'zod';
import { composeStrategy } from '../compose.js';
import { imageContext } from '../axes/context/context.js';
import { labels } from '../axes/loss/labels.js';
import { defineMethod } from '../method.js';
import { unitCuts } from '../partition/options.js';
import { independentPath } from '../axes/path/independent.js';
import { headOf, partition, twoTermLoss } from './fragments.js';

/**
 * ContSup (Yu et al. 2023, arXiv 2312.07636): greedy local learning with context supply.
 *
 * From the paper's abstract and summary: blocks trained one by one lose information that later ones cannot win back, so
 * each is supplied with context, added to its input through a net of its own, h + f(c); c may be the image. Decided
 * here: c is the image alone; f is `imageContext`, trained by its block's loss; that loss is one head's on the labels.
 *
 * The contexts belong to the network that is trained: they are evaluated and saved with it, under `context.{unit}`, and
 * the strategy's network is not the one given but one that has them.
 */
export const contsup = defineMethod({
  name: 'contsup',
  options: z.strictObject({
    ...partition,
    head: twoTermLoss.head.unwrap().default('1c2f'),
    featureWidth: twoTermLoss.featureWidth,
    widen: twoTermLoss.widen,
    loss: twoTermLoss.loss,
  }),
  build: (network, options) =>
    composeStrategy(network, {
      name: 'contsup',
      cuts: unitCuts(network, { method: 'contsup', ...options }),
      path: independentPath,
      auxiliary: headOf(options),
      loss: labels(options.loss, options.featureWidth),
      context: imageContext,
    }),
});
