import { sequential, type Layer } from '../../nn/layer.js';
import { batchNorm, globalAveragePool, linear } from '../../nn/layers.js';
import { childScope } from '../../nn/parameters.js';
import type { Site } from '../site.js';
import type { AuxiliaryNet } from './auxiliary.js';

export interface SampledOptions {
  /** d: depth of the first auxiliary net, in residual blocks. */
  readonly depth: number;
  /** Coefficient of the pyramid; 0 for the same depth everywhere. */
  readonly pyramid: number;
}

/**
 * AugLocal's auxiliary nets (Ma et al. 2024, §3): fresh residual blocks in the image of units drawn evenly from the
 * rest of the network, depth falling linearly towards the top, then global average pool and a linear layer. As in
 * the published CIFAR code, a BN precedes the linear layer of a net of depth 1.
 */
export function sampledUnits(options: SampledOptions): AuxiliaryNet {
  return (scope, site, outputs) => {
    const units = site.network.units;
    const from = units.indexOf(site.unit);
    const depth = pyramidDepth(options, site);
    const layers: Layer[] = [];
    let width = site.features.channels;
    let doublings = 0;
    for (const index of sampledIndices(from, units.length, depth)) {
      const outChannels = units[index]!.output.channels;
      // Strides follow the width, one halving for each doubling; what a jump of two stages leaves comes at the next.
      doublings += Math.log2(outChannels / width);
      const stride = doublings >= 1 ? 2 : 1;
      if (stride === 2) doublings -= 1;
      layers.push(
        site.network.buildBlock(childScope(scope, layers.length), { inChannels: width, outChannels, stride }),
      );
      width = outChannels;
    }
    let number = layers.length + 2;
    layers.push(globalAveragePool);
    if (depth <= 1) layers.push(batchNorm(childScope(scope, number++), width, { relu: false }));
    layers.push(linear(childScope(scope, number), { inputs: width, outputs }));
    return sequential(layers);
  };
}

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
