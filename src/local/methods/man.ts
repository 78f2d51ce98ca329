import { momentumOption } from '../axes/bridge/momentum-net.js';
import { z } from 'zod';
import type { Network } from '../../networks/network.js';
import { type BridgeBuilder } from '../axes/bridge/bridge.js';
import { momentumBridge } from '../axes/bridge/momentum.js';
import { composeStrategy } from '../compose.js';
import { defineMethod } from '../method.js';
import { stageCuts } from '../partition/options.js';
import { independentPath } from '../axes/path/independent.js';
import { alongStages } from '../axes/loss/ramp.js';
import type { Strategy } from '../strategy.js';
import { alongOwnBlocks } from '../axes/loss/ramp.js';
import { headOf, partition, ramp, twoTermLoss, twoTermLossOf } from './fragments.js';

const manOptions = z.strictObject({
  ...partition,
  ...twoTermLoss,
  /** Along the blocks, as in the paper, or along the network's stages, as in the published code. */
  ramp: ramp.default('blocks'),
  momentum: momentumOption,
});

/**
 * MAN (Su et al., ECCV 2024): InfoPro's loss read through a momentum bridge. Its ImageNet code is `head: imagenet`,
 * `decoder: man-imagenet`, `reconstruction: 5` and `classification: 0.75`.
 */
export const man = defineMethod({
  name: 'man',
  options: manOptions,
  build: (network, options) => composeMan(network, 'man', momentumBridge(options.momentum), options),
});

/** MAN's composition around a bridge. */
export function composeMan(
  network: Network,
  name: string,
  bridge: BridgeBuilder,
  options: z.output<typeof manOptions>,
): Strategy {
  const { cuts, count } = stageCuts(network, { method: name, ...options });
  return composeStrategy(network, {
    name,
    cuts,
    path: independentPath,
    bridge,
    auxiliary: headOf(options),
    loss: twoTermLossOf(options, options.ramp === 'stages' ? alongStages(count) : alongOwnBlocks),
  });
}
