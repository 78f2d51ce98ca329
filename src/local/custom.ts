import { UserError } from '../errors.js';
import type { Network } from '../networks/network.js';
import type { AuxiliaryNet } from './auxiliary/auxiliary.js';
import { convolutionalHead } from './auxiliary/convolutional.js';
import { dglNet } from './auxiliary/dgl.js';
import { pooledLinear } from './auxiliary/pooled.js';
import { sampledUnits } from './auxiliary/sampled.js';
import { momentumBridge } from './bridge.js';
import { composeStrategy } from './compose.js';
import { labels, reconstruction, similarity, weighted, type LocalLoss } from './local-loss.js';
import type { OptionsOf } from './options.js';
import { stageCuts } from './partition-options.js';
import { cascadePath } from './paths/cascade.js';
import { independentPath } from './paths/independent.js';
import { alongBlocks, alongStages, rampedWeight, type WeightRange } from './ramp.js';
import type { Strategy } from './strategy.js';

type CustomOptions = OptionsOf<'custom'>;

/**
 * Any combination of the axes. Options that belong to a choice have that choice's published values where they are not
 * given.
 *
 * Throws a UserError where choices contradict each other.
 */
export function custom(network: Network, options: CustomOptions): Strategy {
  refuseContradictions(options);
  const { cuts, count } = stageCuts(network, options);
  const progress = options.ramp === 'stages' ? alongStages(count) : alongBlocks((site) => site.blocks);
  const loss = lossOf(options, (range) => rampedWeight(range, progress));
  const bridge = options.bridge === 'momentum' ? momentumBridge(options.momentum ?? 0.995) : undefined;
  return composeStrategy(network, {
    name: 'custom',
    cuts,
    path: pathOf(options),
    ...(bridge === undefined ? {} : { bridge }),
    auxiliary: auxiliaryOf(options),
    loss,
    fusion: options.fusion,
  });
}

/** Options that mean nothing without a choice on some axis. */
function refuseContradictions(options: CustomOptions): void {
  const { path, bridge, auxiliary, loss } = options;
  const isHead = /^\dc\df$/.test(auxiliary);
  const belonging: Readonly<Partial<Record<keyof CustomOptions, readonly [boolean, string]>>> = {
    momentum: [bridge === 'momentum', "bridge 'momentum'"],
    depth: [auxiliary === 'sampled', "auxiliary 'sampled'"],
    pyramid: [auxiliary === 'sampled', "auxiliary 'sampled'"],
    poolWidth: [auxiliary === 'pooled', "auxiliary 'pooled'"],
    widen: [isHead, 'a convolutional head, such as auxiliary 1c2f'],
    featureWidth: [isHead || loss === 'contrast', "a convolutional head, or loss 'contrast'"],
    decoderWidth: [options.reconstruction !== undefined, 'a reconstruction'],
    independentWeight: [path === 'cascade', "path 'cascade'"],
    cascadeWeight: [path === 'cascade', "path 'cascade'"],
  };
  for (const [name, [fits, choice]] of Object.entries(belonging)) {
    if (options[name as keyof CustomOptions] !== undefined && !fits) {
      throw new UserError(
        `custom: ${name} belongs to ${choice}, which is not chosen; leave it out or choose that`,
      );
    }
  }
}

function pathOf({ path, loss, featureWidth, independentWeight, cascadeWeight }: CustomOptions) {
  if (path === 'independent') return independentPath;
  return cascadePath({
    independentWeight: independentWeight ?? 0.001,
    cascadeWeight: cascadeWeight ?? 0.999,
    independentLoss: loss,
    ...(featureWidth === undefined ? {} : { featureWidth }),
  });
}

function auxiliaryOf(options: CustomOptions): AuxiliaryNet {
  const { auxiliary, depth = 2, pyramid = 0.5, poolWidth = 512, featureWidth = 128, widen = 1 } = options;
  switch (auxiliary) {
    case 'dgl':
      return dglNet;
    case 'pooled':
      return pooledLinear(poolWidth);
    case 'sampled':
      return sampledUnits({ depth, pyramid });
    default:
      return convolutionalHead(auxiliary, { features: featureWidth, widen });
  }
}

function lossOf(
  options: CustomOptions,
  weightOf: (range: WeightRange) => ReturnType<typeof rampedWeight>,
): LocalLoss {
  const terms = [
    { range: options.similarity, loss: similarity },
    { range: options.reconstruction, loss: reconstruction(options.decoderWidth) },
  ].flatMap(({ range, loss }) => (range === undefined ? [] : [{ loss, weight: weightOf(range) }]));
  const classification = labels(options.loss, options.featureWidth);
  const [first, last] = options.classification;
  if (terms.length === 0 && first === 1 && last === 1) return classification;
  return weighted([...terms, { loss: classification, weight: weightOf(options.classification) }]);
}
