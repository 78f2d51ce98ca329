import { z } from 'zod';
import { sequential, type Layer } from '../../../nn/layer.js';
import { batchNorm } from '../../../nn/batch-norm.js';
import { convBatchNorm, globalAveragePool, linear } from '../../../nn/layers.js';
import { childScope, type Scope } from '../../../nn/parameters.js';
import { adaptiveAveragePool } from '../../../nn/pooling.js';
import { defineAuxiliary, type AuxiliaryNet } from './auxiliary.js';
import { convolutionalWidths, publishedWidths } from './convolutional.js';

/** Height and width of the map that the convolutions read. */
const cells = 8;

/**
 * The net that MAN++'s code (Su et al. 2026) has for DGL, which is not DGL's own: average pool to 8×8, 3 × [1×1
 * convolution to `width` channels, BN, ReLU], global average pool, 3 × [linear to 4 · `width` with bias, BN, ReLU],
 * linear. Layers are numbered as in that code, the first pool not counted. A map below 8×8 is repeated up to it, as
 * PyTorch's adaptive pool does.
 *
 * @param width of the convolutions, in channels; 128 as published if not given
 */
export function dglManPlusNet(width = publishedWidths.features): AuxiliaryNet {
  const hidden = 4 * width;
  const pointwise = (scope: Scope, number: number, inChannels: number): Layer =>
    convBatchNorm(scope, [number, number + 1], { inChannels, outChannels: width, kernel: 1, relu: true });
  const dense = (scope: Scope, number: number, inputs: number): Layer[] => [
    linear(childScope(scope, number), { inputs, outputs: hidden }),
    batchNorm(childScope(scope, number + 1), hidden, { relu: true }),
  ];
  return (scope, { features: { channels } }, outputs) =>
    sequential([
      adaptiveAveragePool(cells),
      pointwise(scope, 0, channels),
      pointwise(scope, 3, width),
      pointwise(scope, 6, width),
      globalAveragePool,
      ...dense(scope, 11, width),
      ...dense(scope, 14, hidden),
      ...dense(scope, 17, hidden),
      linear(childScope(scope, 20), { inputs: hidden, outputs }),
    ]);
}

export const dglManPlus = defineAuxiliary({
  name: 'dgl-man-plus',
  options: z.strictObject({ featureWidth: convolutionalWidths.featureWidth }),
  build: ({ featureWidth }) => dglManPlusNet(featureWidth),
});
