import { sequential } from '../../../nn/layer.js';
import { convBatchNorm, globalAveragePool, linear } from '../../../nn/layers.js';
import { childScope } from '../../../nn/parameters.js';
import { noOptions } from '../../../core/choice.js';
import { defineAuxiliary, type AuxiliaryNet } from './auxiliary.js';

/**
 * The classifier of MAN's and HPFF's ImageNet code: a 1×1 convolution to 128 channels, 3×3 to 256 and to 512, both at
 * stride 2, 1×1 to 2048, each with BN and ReLU; global average pool, linear. Of 1024 channels the first goes to 256.
 * The code has it for 256, 512 and 1024 channels; decided here: up to 512 the first goes to 128, beyond to 256.
 */
export const imagenetNet: AuxiliaryNet = (scope, { features: { channels } }, outputs) => {
  const reduced = channels <= 512 ? 128 : 256;
  const convolutions = [
    { inChannels: channels, outChannels: reduced, kernel: 1 },
    { inChannels: reduced, outChannels: 256, kernel: 3, stride: 2 },
    { inChannels: 256, outChannels: 512, kernel: 3, stride: 2 },
    { inChannels: 512, outChannels: 2048, kernel: 1 },
  ];
  return sequential([
    // Numbered as modules of a sequence: convolution, BN, ReLU; pool and flattening before the linear layer.
    ...convolutions.map((options, i) => convBatchNorm(scope, [3 * i, 3 * i + 1], { ...options, relu: true })),
    globalAveragePool,
    linear(childScope(scope, 3 * convolutions.length + 2), { inputs: 2048, outputs }),
  ]);
};

export const imagenet = defineAuxiliary({ name: 'imagenet', options: noOptions, build: () => imagenetNet });
