import { z } from 'zod';
import { UserError } from '../../core/errors.js';
import type { Network } from '../../networks/network.js';
import { contextModes, contextNames, type ContextOptions } from '../axes/context/context.js';
import { labels } from '../axes/loss/classification.js';
import { alongOwnBlocks } from '../axes/loss/ramp.js';
import { independentPath } from '../axes/path/independent.js';
import { composeStrategy } from '../compose.js';
import { defineMethod } from '../method.js';
import { stageCuts } from '../partition/options.js';
import { everyUnit, type Cuts } from '../partition/partition.js';
import { auxiliaryOf, partition, twoTermFormerly, twoTermLoss, twoTermLossOf } from './fragments.js';

const options = z.strictObject({
  /** K: without it and `cuts` a block for every unit, the stem included; else the published cuts, as MAN's. */
  ...partition,
  /**
   * What each block after the first reads beside the features of the block before: E the image, R1 … R16 the inputs of
   * that many blocks before it, R1E both, R0 nothing.
   */
  context: z.enum(['R0', ...contextNames]).default('E'),
  ...twoTermLoss,
  auxiliary: twoTermLoss.auxiliary.unwrap().default('1c2f'),
  /** λ1 at the first and the last auxiliary net; without it nothing is rebuilt, and the classifying net's loss has weight 1. */
  reconstruction: twoTermLoss.reconstruction.unwrap().exactOptional(),
  /** λ2 likewise, beside `reconstruction`. */
  classification: twoTermLoss.classification.unwrap().exactOptional(),
});

/**
 * ContSup (Yu et al. 2023, arXiv 2312.07636): greedy local learning with context supply, by its published code
 * (github.com/Tab-ct/ContSup). Each block has a loss on its own features h, by a net that never sees a context; the
 * next block reads h + context, whose nets (`supplyContext`) it trains with itself. Weights run along the blocks,
 * k/(K − 2); the last block has the network's head.
 *
 * The contexts belong to the network that is trained: they are evaluated and saved with it, under `context.{unit}`, and
 * the strategy's network is not the one given but one that has them.
 */
export const contsup = defineMethod({
  name: 'contsup',
  options,
  formerly: twoTermFormerly,
  build: (network, options) => {
    const context = contextOf(options);
    return composeStrategy(network, {
      name: 'contsup',
      cuts: cutsOf(network, options),
      path: independentPath,
      auxiliary: auxiliaryOf(options),
      loss: lossOf(options),
      ...(context === undefined ? {} : { context }),
    });
  },
});

type Options = z.output<typeof options>;

function contextOf({ context, widen }: Options): ContextOptions | undefined {
  return context === 'R0' ? undefined : { ...contextModes[context], widen };
}

/** The published code has the stem for a block only where every unit is one. */
function cutsOf(network: Network, options: Options): Cuts {
  const all = network.units.length;
  const { cuts, blocks = all } = options;
  if (cuts === undefined && blocks === all) return everyUnit(network);
  return stageCuts(network, { method: 'contsup', ...options }).cuts;
}

function lossOf(options: Options) {
  const { reconstruction, classification } = options;
  if (reconstruction !== undefined && classification !== undefined) {
    return twoTermLossOf({ ...options, reconstruction, classification }, alongOwnBlocks);
  }
  if (reconstruction === undefined && classification === undefined) {
    return labels(options.loss, options.featureWidth);
  }
  throw new UserError(
    `contsup: reconstruction and classification are the weights of two losses beside each other: give both, or neither, where the one of the labels alone counts`,
  );
}
