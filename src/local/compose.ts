import { UserError } from '../errors.js';
import type { Network } from '../networks/network.js';
import { childScope, rootScope } from '../nn/parameters.js';
import type { AuxiliaryNet } from './auxiliary/auxiliary.js';
import { cutIntoBlocks } from './block.js';
import type { BridgeBuilder } from './bridge.js';
import type { Fusion } from './fusion.js';
import type { LocalLoss } from './local-loss.js';
import type { Cuts } from './partition.js';
import type { PathBuilder } from './paths/path.js';
import { assembleStrategy, type Strategy } from './strategy.js';

/** The axes of local learning. */
export interface Axes {
  /** How features travel: `independentPath`, or `cascadePath(…)`. */
  readonly path: PathBuilder;
  /** What stands between a block and its auxiliary nets: `momentumBridge(…)`, or nothing. */
  readonly bridge?: BridgeBuilder;
  /** The net that classifies a block's features: `convolutionalHead(…)`, `dglNet`, `pooledLinear(…)`, `sampledUnits(…)`. */
  readonly auxiliary: AuxiliaryNet;
  /** What a block minimises: `labels(…)`, `reconstruction(…)`, `similarity`, or a `weighted` sum of these. */
  readonly loss: LocalLoss;
  /** How the auxiliary nets read the feature map; default `whole`. */
  readonly fusion?: Fusion;
}

/** A strategy's choices: where to cut, and each of the axes. */
export interface StrategyParts extends Axes {
  readonly name: string;
  readonly cuts: Cuts;
}

/**
 * A strategy from its parts. Its auxiliary nets draw their initial values from the network's seed.
 *
 * Throws a UserError where the parts contradict each other or the network.
 */
export function composeStrategy(network: Network, parts: StrategyParts): Strategy {
  const { name, cuts, path, bridge, auxiliary, loss, fusion = 'whole' } = parts;
  const blocks = cutIntoBlocks(network, cuts);
  if (blocks.length < 2) {
    throw new UserError(`${name}: local learning needs at least 2 blocks; for one block use method bp`);
  }
  if (fusion === 'patches' && !loss.reconstructs) {
    throw new UserError(
      `${name}: fusion 'patches' sums the losses of rebuilt quadrants, but the loss has no reconstruction; choose 'patch-average' or 'whole'`,
    );
  }
  const built = path({
    network,
    blocks,
    scope: childScope(rootScope(network.seed), 'auxiliary'),
    bridge,
    objective: loss.build({ auxiliary, fusion }),
    lossParts: { auxiliary, fusion },
  });
  return assembleStrategy(network, name, blocks, built);
}
