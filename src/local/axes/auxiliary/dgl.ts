import { sequential, type Layer } from '../../../nn/layer.js';
import { batchNorm } from '../../../nn/batch-norm.js';
import { convBatchNorm, flatten, linear } from '../../../nn/layers.js';
import { childScope } from '../../../nn/parameters.js';
import { adaptiveAveragePool } from '../../../nn/pooling.js';
import { noOptions } from '../../../core/choice.js';
import { defineAuxiliary, type AuxiliaryNet } from './auxiliary.js';

/**
 * DGL's auxiliary net (Belilovsky et al. 2020, as AugLocal's code has it), for features of c channels and size s:
 * average pool to ⌈s/4⌉, 3 × [1×1 convolution, BN, ReLU] of c channels, average pool to q = min(⌈s/4⌉, 2), flatten,
 * 2 × [linear c·q² → c·q², BN, ReLU], linear. Height and width are treated alike, each by its own size. Layers are
 * numbered as in that code.
 */
export const dglNet: AuxiliaryNet = (scope, { features: { channels, height, width } }, outputs) => {
  const coarse = [Math.ceil(height / 4), Math.ceil(width / 4)] as const;
  const cells = [Math.min(coarse[0], 2), Math.min(coarse[1], 2)] as const;
  const features = channels * cells[0] * cells[1];
  const pointwise = (number: number): Layer =>
    convBatchNorm(scope, [number, number + 1], {
      inChannels: channels,
      outChannels: channels,
      kernel: 1,
      relu: true,
    });
  const dense = (number: number): Layer[] => [
    linear(childScope(scope, number), { inputs: features, outputs: features, bias: false }),
    batchNorm(childScope(scope, number + 1), features, { relu: true }),
  ];
  return sequential([
    adaptiveAveragePool(coarse),
    pointwise(1),
    pointwise(4),
    pointwise(7),
    adaptiveAveragePool(cells),
    flatten,
    ...dense(12),
    ...dense(15),
    linear(childScope(scope, 18), { inputs: features, outputs }),
  ]);
};

export const dgl = defineAuxiliary({ name: 'dgl', options: noOptions, build: () => dglNet });
