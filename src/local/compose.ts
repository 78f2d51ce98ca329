import { disposeLayer } from '../nn/layer.js';
import type { Network } from '../networks/network.js';
import { childScope, rootScope } from '../nn/parameters.js';
import type { BridgeBuilder } from './bridge.js';
import { cutIntoBlocks } from './block.js';
import type { ObjectiveBuilder } from './objective.js';
import type { Cuts } from './partition.js';
import type { PathBuilder } from './paths/path.js';
import type { Strategy } from './strategy.js';

/** A strategy's choices: where to cut, and the axes of local learning. */
export interface StrategyParts {
  readonly name: string;
  readonly cuts: Cuts;
  /** `independentPath`, or `cascadePath(…)`. */
  readonly path: PathBuilder;
  /** `momentumBridge(…)`, or none. */
  readonly bridge?: BridgeBuilder;
  /** The local loss with its auxiliary nets: `classification(…)`, `reconstruction(…)`, or a `weightedSum` of such. */
  readonly objective: ObjectiveBuilder;
}

/**
 * A strategy from its parts. Its auxiliary nets draw their initial values from the network's seed.
 *
 * Throws a UserError where the parts contradict each other.
 */
export function composeStrategy(network: Network, parts: StrategyParts): Strategy {
  const blocks = cutIntoBlocks(network, parts.cuts);
  const scope = childScope(rootScope(network.seed), 'auxiliary');
  const { updates, auxiliary } = parts.path({
    network,
    blocks,
    scope,
    objective: parts.objective,
    bridge: parts.bridge,
  });
  return {
    name: parts.name,
    network,
    blocks: blocks.length,
    partition: blocks.map((block) => block.units.map((unit) => unit.name)),
    updates,
    auxiliary: auxiliary.flatMap((layer) => [...layer.parameters, ...layer.buffers]),
    dispose: () => auxiliary.forEach(disposeLayer),
  };
}
