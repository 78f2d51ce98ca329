import { UserError } from '../errors.js';
import type { Network } from '../networks/network.js';
import { convolutionalHead } from './auxiliary/convolutional.js';
import { dglNet } from './auxiliary/dgl.js';
import { pooledLinear } from './auxiliary/pooled.js';
import { sampledUnits } from './auxiliary/sampled.js';
import { cutIntoBlocks } from './block.js';
import { momentumBridge } from './bridge.js';
import { composeStrategy } from './compose.js';
import { custom } from './custom.js';
import { labels, reconstruction, similarity, weighted, type LocalLoss } from './local-loss.js';
import { strategyOptionsSchema, type OptionsOf, type StrategyOptionsInput } from './options.js';
import { explicitCuts, stageCuts, unitCuts } from './partition-options.js';
import { evenCuts, type Cuts } from './partition.js';
import { cascadePath } from './paths/cascade.js';
import { headUpdate, independentPath } from './paths/independent.js';
import { alongBlocks, alongStages, rampedWeight, type Progress } from './ramp.js';
import { assembleStrategy, type Strategy } from './strategy.js';

/**
 * Builds a published method for a network, or a custom combination of their parts.
 *
 * Throws a UserError where the network has too few units for the options, and a ZodError for invalid options.
 */
export function buildStrategy(network: Network, options: StrategyOptionsInput): Strategy {
  const valid = strategyOptionsSchema.parse(options);
  switch (valid.method) {
    case 'bp':
      return backpropagation(network);
    case 'greedy':
      return greedy(network, valid);
    case 'dgl':
      return dgl(network, valid);
    case 'predsim':
      return predsim(network, valid);
    case 'infopro':
      return infopro(network, valid);
    case 'auglocal':
      return auglocal(network, valid);
    case 'man':
      return man(network, valid);
    case 'hpff':
      return hpff(network, valid);
    case 'custom':
      return custom(network, valid);
  }
}

/** End-to-end backpropagation: one block, one update. */
function backpropagation(network: Network): Strategy {
  const blocks = cutIntoBlocks(network, []);
  return assembleStrategy(network, 'bp', blocks, {
    updates: [headUpdate(network, blocks[0]!)],
    auxiliary: [],
  });
}

/** Greedy (Belilovsky et al., ICML 2019, layer-wise): a linear classifier on each block's pooled features. */
function greedy(network: Network, options: OptionsOf<'greedy'>): Strategy {
  return composeStrategy(network, {
    name: 'greedy',
    cuts: unitCuts(network, options),
    path: independentPath,
    auxiliary: convolutionalHead('0c1f'),
    loss: labels('cross-entropy'),
  });
}

/** DGL (Belilovsky et al., ICML 2020): a small network of 1×1 convolutions and linear layers on each block. */
function dgl(network: Network, options: OptionsOf<'dgl'>): Strategy {
  return composeStrategy(network, {
    name: 'dgl',
    cuts: unitCuts(network, options),
    path: independentPath,
    auxiliary: dglNet,
    loss: labels('cross-entropy'),
  });
}

/** PredSim (Nøkland & Eidnes, ICML 2019): similarity matching and a pooled linear classifier. */
function predsim(network: Network, options: OptionsOf<'predsim'>): Strategy {
  const weight = (range: readonly [number, number]) => rampedWeight(range, alongOwnBlocks);
  return composeStrategy(network, {
    name: 'predsim',
    cuts: unitCuts(network, options),
    path: independentPath,
    auxiliary: pooledLinear(options.poolWidth),
    loss: weighted([
      { loss: similarity, weight: weight(options.similarity) },
      { loss: labels('cross-entropy'), weight: weight(options.classification) },
    ]),
  });
}

/** InfoPro (Wang et al., ICLR 2021): reconstruction of the image and classification. */
function infopro(network: Network, options: OptionsOf<'infopro'>): Strategy {
  return composeStrategy(network, {
    name: 'infopro',
    cuts: unitCuts(network, options),
    path: independentPath,
    auxiliary: headOf(options),
    loss: twoTermLoss(options, alongOwnBlocks),
  });
}

/** AugLocal (Ma et al., ICLR 2024): of K pieces the last d + 1 are one block, the others have sampled nets. */
function auglocal(network: Network, options: OptionsOf<'auglocal'>): Strategy {
  const { blocks, cuts, depth, pyramid } = options;
  return composeStrategy(network, {
    name: 'auglocal',
    cuts:
      cuts === undefined
        ? cutsBeforeDepth(network, blocks ?? network.units.length, depth)
        : explicitCuts(network, options.method, cuts, blocks),
    path: independentPath,
    auxiliary: sampledUnits({ depth, pyramid }),
    loss: labels('cross-entropy'),
  });
}

function cutsBeforeDepth(network: Network, pieces: number, depth: number): Cuts {
  const cuts = evenCuts(network, pieces, { stemJoined: false }).slice(0, Math.max(0, pieces - depth - 1));
  if (cuts.length > 0) return cuts;
  throw new UserError(
    `auglocal: depth ${depth} leaves no local block of ${pieces}; ask for a depth below ${pieces - 1}`,
  );
}

/** MAN (Su et al., ECCV 2024): InfoPro's loss read through a momentum bridge. */
function man(network: Network, options: OptionsOf<'man'>): Strategy {
  const { cuts, count } = stageCuts(network, options);
  return composeStrategy(network, {
    name: 'man',
    cuts,
    path: independentPath,
    bridge: momentumBridge(options.momentum),
    auxiliary: headOf(options),
    loss: twoTermLoss(options, options.ramp === 'stages' ? alongStages(count) : alongOwnBlocks),
  });
}

/** HPFF (Su et al., ECCV 2024): HiLo's cascade of blocks, with patch feature fusion of the reconstruction. */
function hpff(network: Network, options: OptionsOf<'hpff'>): Strategy {
  const { cuts, count } = stageCuts(network, options);
  return composeStrategy(network, {
    name: 'hpff',
    cuts,
    path: cascadePath({
      independentWeight: options.independentWeight,
      cascadeWeight: options.cascadeWeight,
      independentLoss: options.loss,
      featureWidth: options.featureWidth,
    }),
    auxiliary: headOf(options),
    loss: twoTermLoss(options, options.ramp === 'stages' ? alongStages(count) : alongBlocks(() => count)),
    fusion: options.fusion,
  });
}

const alongOwnBlocks: Progress = alongBlocks((site) => site.blocks);

type TwoTermOptions = OptionsOf<'infopro' | 'man' | 'hpff'>;

function headOf({ head, featureWidth, widen }: TwoTermOptions) {
  return convolutionalHead(head, { features: featureWidth, widen });
}

/** InfoPro's λ1 · reconstruction + λ2 · classification. */
function twoTermLoss(options: TwoTermOptions, progress: Progress): LocalLoss {
  return weighted([
    {
      loss: reconstruction(options.decoderWidth),
      weight: rampedWeight(options.reconstruction, progress),
    },
    {
      loss: labels(options.loss, options.featureWidth),
      weight: rampedWeight(options.classification, progress),
    },
  ]);
}
