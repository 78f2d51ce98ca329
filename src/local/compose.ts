import { z } from 'zod';
import { networkSchema } from '../networks/forms.js';
import { lossSchema } from './forms.js';
import { checkGiven, functionSchema } from '../core/given.js';
import { UserError } from '../core/errors.js';
import type { Network } from '../networks/network.js';
import { disposeLayer } from '../nn/layer.js';
import { childScope, freeingOnError, rootScope } from '../nn/parameters.js';
import type { AuxiliaryNet } from './axes/auxiliary/auxiliary.js';
import { cutIntoBlocks } from './block.js';
import type { BridgeBuilder } from './axes/bridge/bridge.js';
import { supplyContext, type ContextOptions } from './axes/context/context.js';
import type { Fusion } from './axes/fusion/fusion.js';
import type { LocalLoss } from './axes/loss/loss.js';
import type { BlockWeights } from './loss-weights.js';
import type { Cuts } from './partition/partition.js';
import { independentPath } from './axes/path/independent.js';
import type { PathBuilder } from './axes/path/path.js';
import { assembleStrategy, type Strategy } from './strategy.js';

/** The axes of local learning. */
export interface Axes {
  /** How features travel: `independentPath`, or `cascadePath(…)`. */
  readonly path: PathBuilder;
  /** What stands between a block and its auxiliary nets: `momentumBridge(…)`, or nothing. */
  readonly bridge?: BridgeBuilder;
  /** The net that classifies a block's features: `convolutionalNet(…)`, `dglNet`, `pooledLinear(…)`, `sampledUnits(…)`. */
  readonly auxiliary: AuxiliaryNet;
  /** What a block minimises: `labels(…)`, `reconstruction(…)`, `similarity`, or a `weighted` sum of these. */
  readonly loss: LocalLoss;
  /** How the auxiliary nets read the feature map; default `whole`. */
  readonly fusion?: Fusion;
  /** What each block after the first reads beside the features of the block before; nothing if not given. */
  readonly context?: ContextOptions;
}

/** A strategy's choices: where to cut, and each of the axes. */
export interface StrategyParts extends Axes {
  /** What messages call it. */
  readonly name: string;
  /** Where blocks end; at least one cut. */
  readonly cuts: Cuts;
}

const forms = {
  network: networkSchema,
  parts: z.object({
    name: z.string(),
    cuts: z.array(z.int().min(0)),
    path: functionSchema,
    bridge: functionSchema.optional(),
    auxiliary: functionSchema,
    loss: lossSchema,
  }),
};

/**
 * Composes a strategy from its parts. Its auxiliary nets draw their initial values from the network's seed.
 *
 * @returns the strategy. With a context its network is another than the one given, of the same layers: the one to
 * evaluate and to save.
 * @throws UserError where the parts contradict each other or the network, and leaves nothing behind then
 */
export function composeStrategy(network: Network, parts: StrategyParts): Strategy {
  checkGiven('composeStrategy', forms, { network, parts });
  refuseContradictions(parts);
  return freeingOnError(() => build(network, parts));
}

function refuseContradictions({ name, cuts, fusion, loss, context, path }: StrategyParts): void {
  if (cuts.length === 0) {
    throw new UserError(`${name}: local learning needs at least 2 blocks; for one block use method bp`);
  }
  if ((fusion === 'patches' || fusion === 'patch-sum') && !loss.reconstructs) {
    throw new UserError(
      `${name}: fusion '${fusion}' sums the losses of rebuilt quadrants, but the loss has no reconstruction; choose 'patch-average' or 'whole'`,
    );
  }
  if (fusion === 'patch-average' && !loss.classifies) {
    throw new UserError(
      `${name}: fusion 'patch-average' averages what the auxiliary net makes of each quadrant, but no term of the loss reads an auxiliary net; choose 'whole', or add a term such as cross-entropy`,
    );
  }
  if (context !== undefined && context.earlier > 0 && path !== independentPath) {
    throw new UserError(
      `${name}: a context of earlier blocks' inputs needs path 'independent', which hands them on; choose that path, or context E, which reads the image alone`,
    );
  }
}

function build(given: Network, parts: StrategyParts): Strategy {
  const { name, cuts, path, bridge, auxiliary, loss, fusion = 'whole', context } = parts;
  const { network, contexts } =
    context === undefined ? { network: given, contexts: [] } : supplyContext(given, cuts, context);
  const blocks = cutIntoBlocks(network, cuts);
  const lossWeights: BlockWeights[] = [];
  const built = path({
    network,
    blocks,
    scope: childScope(rootScope(network.seed), 'auxiliary'),
    bridge,
    loss: watched(loss, lossWeights),
    lossParts: { auxiliary, fusion },
  });
  const strategy = assembleStrategy(network, name, blocks, built);
  return {
    ...strategy,
    lossWeights,
    dispose() {
      strategy.dispose();
      contexts.forEach(disposeLayer);
    },
  };
}

/** The loss, whose weights at each block it is attached to are gathered. */
function watched(loss: LocalLoss, gathered: BlockWeights[]): LocalLoss {
  return {
    ...loss,
    attach(scope, site, parts) {
      const attached = loss.attach(scope, site, parts);
      if (attached.weights !== undefined) gathered.push({ block: site.position, terms: attached.weights });
      return attached;
    },
  };
}
