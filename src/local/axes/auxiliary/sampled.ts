import tf = require('@tensorflow/tfjs');
import { z } from 'zod';
import { pureLayer, sequential, type Layer } from '../../../nn/layer.js';
import { batchNorm } from '../../../nn/batch-norm.js';
import { flatten, globalAveragePool, linear } from '../../../nn/layers.js';
import { childScope, type Scope } from '../../../nn/parameters.js';
import { adaptiveAveragePool } from '../../../nn/pooling.js';
import { unitBuilderOf } from '../../../networks/former-names.js';
import type { Unit } from '../../../networks/network.js';
import type { Site } from '../../site.js';
import { defineAuxiliary, type AuxiliaryNet } from './auxiliary.js';

const classifiers = ['cifar', 'imagenet', 'vgg'] as const;

/**
 * What classifies the features that a sampled net ends in. `imagenet`: global average pool and a linear layer.
 * `cifar`: the same, with a BN between in nets of depth 1 or less. `vgg`: flattened, average pooled to 512 numbers, three
 * linear layers, BN and ReLU after the first two. Each as in AugLocal's code of that name; the 512 of the `vgg` classifier's
 * hidden layers was decided here.
 */
export type SampledClassifier = (typeof classifiers)[number];

/** How deep AugLocal's auxiliary nets are, and what they end in. */
export interface SampledOptions {
  /** d: depth of the first auxiliary net, in residual units. */
  readonly depth: number;
  /** Coefficient of the pyramid; 0 for the same depth everywhere. */
  readonly pyramid: number;
  /** Default `cifar`. */
  readonly classifier?: SampledClassifier;
}

/**
 * AugLocal's auxiliary nets (Ma et al. 2024, §3): fresh units of the network's own kind in the image of units drawn
 * evenly from the rest of the network, depth falling linearly towards the top, then a classifier.
 *
 * Each halves the map where the widths of the units drawn have doubled, once a unit: of a jump of two doublings the
 * second halving comes with the next. Widths are the nominal ones, as in AugLocal's code for ImageNet: from
 * the stem of a ResNet with bottlenecks to its first stage, 64 → 256 channels, nothing has doubled, and to its third,
 * 64 → 1024, two doublings. In its code for CIFAR, whose networks have no bottlenecks, they are the channels.
 */
export function sampledUnits(options: SampledOptions): AuxiliaryNet {
  return (scope, site, outputs) => {
    const units = site.network.units;
    const from = units.indexOf(site.unit);
    const depth = pyramidDepth(options, site);
    const buildUnit = unitBuilderOf(site.network);
    const layers: Layer[] = [];
    let { channels } = site.features;
    let width = widthOf(site.unit);
    let doublings = 0;
    for (const index of sampledIndices(from, units.length, depth)) {
      const unit = units[index]!;
      const outChannels = unit.output.channels;
      doublings += Math.log2(widthOf(unit) / width);
      const stride = doublings >= 1 ? 2 : 1;
      if (stride === 2) doublings -= 1;
      const inner = childScope(scope, layers.length);
      layers.push(buildUnit(inner, { inChannels: channels, outChannels, stride }));
      channels = outChannels;
      width = widthOf(unit);
    }
    // Numbered as in the published code, the pool and the flattening counted.
    const number = layers.length + 2;
    const module = (offset: number): Scope => childScope(scope, number + offset);
    return sequential([
      ...layers,
      ...classifierLayers(options.classifier ?? 'cifar', module, channels, depth, outputs),
    ]);
  };
}

const widthOf = ({ nominalWidth, output }: Unit): number => nominalWidth ?? output.channels;

function classifierLayers(
  classifier: SampledClassifier,
  module: (offset: number) => Scope,
  channels: number,
  depth: number,
  outputs: number,
): Layer[] {
  if (classifier === 'vgg') {
    const size = 512;
    const hidden = (offset: number): Layer[] => [
      linear(module(offset), { inputs: size, outputs: size }),
      batchNorm(module(offset + 1), size, { relu: true }),
    ];
    return [
      flatten,
      ...vectorPool(size),
      ...hidden(0),
      ...hidden(3),
      linear(module(6), { inputs: size, outputs }),
    ];
  }
  const normalised = classifier === 'cifar' && depth <= 1;
  return [
    globalAveragePool,
    ...(normalised ? [batchNorm(module(0), channels, { relu: false })] : []),
    linear(module(normalised ? 1 : 0), { inputs: channels, outputs }),
  ];
}

/** PyTorch's adaptive average pool of vectors: `[n, length]` → `[n, size]`. */
const vectorPool = (size: number): readonly Layer[] => [
  pureLayer((x) => tf.reshape(x, [x.shape[0]!, x.shape[1]!, 1, 1])),
  adaptiveAveragePool([size, 1]),
  pureLayer((x) => tf.reshape(x, [x.shape[0]!, size])),
];

/** d_l = max(1, round(d·(1 − t) + t)) with t = c·l / (K' − 2), K' the number of blocks (AugLocal, Eq. 5). */
export function pyramidDepth({ depth, pyramid }: SampledOptions, { position, blocks }: Site): number {
  const t = blocks > 2 ? (pyramid * position) / (blocks - 2) : 0;
  return Math.max(1, roundHalfEven(depth * (1 - t) + t));
}

/** Units l + round((L − l − 1) / δ · i), i = 1…δ, or all that follow where there are no more than δ. */
export function sampledIndices(from: number, unitCount: number, depth: number): number[] {
  const remaining = unitCount - 1 - from;
  if (depth >= remaining) return Array.from({ length: remaining }, (_, i) => from + 1 + i);
  const indices = Array.from({ length: depth }, (_, i) =>
    roundHalfEven(from + (remaining / depth) * (i + 1)),
  );
  return [...new Set(indices)];
}

/** As Python rounds. */
function roundHalfEven(value: number): number {
  const floor = Math.floor(value);
  const fraction = value - floor;
  if (fraction !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
}

/** A sampled net's options. */
export const sampledOptions = {
  /** d: depth of the first auxiliary net, in residual units. */
  depth: z.int().min(1).default(2),
  /** Pyramid coefficient. */
  pyramid: z.number().min(0).max(1).default(0.5),
  /** What classifies at the end: that of AugLocal's CIFAR code, of its ImageNet code, or of that for VGG. */
  classifier: z.enum(classifiers).default('cifar'),
};

export const sampled = defineAuxiliary({
  name: 'sampled',
  options: z.strictObject(sampledOptions),
  formerly: { tail: 'classifier' },
  build: sampledUnits,
});
