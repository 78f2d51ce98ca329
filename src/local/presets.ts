import { UserError } from '../errors.js';
import type { Network } from '../networks/network.js';
import { convolutionalHead } from './auxiliary/convolutional.js';
import { sampledUnits } from './auxiliary/sampled.js';
import { momentumBridge } from './bridge.js';
import { composeStrategy } from './compose.js';
import {
  classification,
  reconstruction,
  weightedSum,
  type Fusion,
  type ObjectiveBuilder,
} from './objective.js';
import { strategyOptionsSchema, type StrategyOptions, type StrategyOptionsInput } from './options.js';
import { evenCuts, publishedOrEvenCuts } from './partition.js';
import { cascadePath } from './paths/cascade.js';
import { independentPath } from './paths/independent.js';
import { alongBlocks, alongStages, rampedWeight, type Progress } from './ramp.js';
import type { Strategy } from './strategy.js';

type OptionsOf<M extends StrategyOptions['method']> = Extract<StrategyOptions, { method: M }>;

/**
 * Builds a published method for a network.
 *
 * Throws a UserError where the network has too few units for the options, and a ZodError for invalid options.
 */
export function buildStrategy(network: Network, options: StrategyOptionsInput): Strategy {
  const valid = strategyOptionsSchema.parse(options);
  switch (valid.method) {
    case 'bp':
      return backpropagation(network);
    case 'auglocal':
      return auglocal(network, valid);
    case 'man':
      return man(network, valid);
    case 'hpff':
      return hpff(network, valid);
  }
}

/** End-to-end backpropagation: one block, one update. */
function backpropagation(network: Network): Strategy {
  return composeStrategy(network, { name: 'bp', cuts: [], path: independentPath, objective: noObjective });
}

const noObjective: ObjectiveBuilder = () => ({
  layers: [],
  loss: () => {
    throw new Error('backpropagation has no local loss');
  },
});

/** AugLocal (Ma et al., ICLR 2024): of K pieces the last d + 1 are one block, the others have sampled nets. */
function auglocal(network: Network, { blocks, depth, pyramid }: OptionsOf<'auglocal'>): Strategy {
  const pieces = blocks ?? network.units.length;
  const cuts = evenCuts(network, pieces, { stemJoined: false }).slice(0, Math.max(0, pieces - depth - 1));
  if (cuts.length === 0) {
    throw new UserError(
      `auglocal: depth ${depth} leaves no local block of ${pieces}; ask for a depth below ${pieces - 1}`,
    );
  }
  return composeStrategy(network, {
    name: 'auglocal',
    cuts,
    path: independentPath,
    objective: classification(sampledUnits({ depth, pyramid }), 'cross-entropy'),
  });
}

/** MAN (Su et al., ECCV 2024): InfoPro's loss read through a momentum bridge. */
function man(network: Network, options: OptionsOf<'man'>): Strategy {
  return composeStrategy(network, {
    name: 'man',
    cuts: publishedOrEvenCuts(network, options.blocks),
    path: independentPath,
    bridge: momentumBridge(options.momentum),
    objective: twoTermLoss(
      options,
      options.ramp === 'stages' ? alongStages(options.blocks) : alongBlocks((site) => site.blocks),
      'whole',
    ),
  });
}

/** HPFF (Su et al., ECCV 2024): HiLo's cascade of blocks, with patch feature fusion of the reconstruction. */
function hpff(network: Network, options: OptionsOf<'hpff'>): Strategy {
  const head = convolutionalHead(options.head);
  return composeStrategy(network, {
    name: 'hpff',
    cuts: publishedOrEvenCuts(network, options.blocks),
    path: cascadePath({
      independentWeight: options.independentWeight,
      cascadeWeight: options.cascadeWeight,
      independentAuxiliary: head,
    }),
    objective: twoTermLoss(
      options,
      alongBlocks(() => options.blocks),
      options.fusion,
    ),
  });
}

/** InfoPro's λ1 · reconstruction + λ2 · classification. */
function twoTermLoss(
  options: Pick<OptionsOf<'man'>, 'head' | 'loss' | 'reconstruction' | 'classification'>,
  progress: Progress,
  fusion: Fusion,
): ObjectiveBuilder {
  return weightedSum([
    { objective: reconstruction(fusion), weight: rampedWeight(options.reconstruction, progress) },
    {
      objective: classification(convolutionalHead(options.head), options.loss),
      weight: rampedWeight(options.classification, progress),
    },
  ]);
}
