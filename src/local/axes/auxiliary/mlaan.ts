import { sequential } from '../../../nn/layer.js';
import { convBatchNorm, globalAveragePool, linear } from '../../../nn/layers.js';
import { childScope } from '../../../nn/parameters.js';
import type { AuxiliaryNet } from './auxiliary.js';

/** Of ResNet-34's first two stages. */
const convolved: readonly number[] = [64, 128];

/**
 * The classifier of MLAAN's ImageNet code: global average pool, linear; of 64 and 128 channels two 1×1 convolutions
 * before them, to twice the channels and back, each with BN and ReLU.
 */
export const mlaanImagenetNet: AuxiliaryNet = (scope, { features: { channels } }, outputs) => {
  const widths = convolved.includes(channels) ? [channels, 2 * channels, channels] : [channels];
  const convolutions = widths.slice(1).map((outChannels, i) =>
    convBatchNorm(scope, [3 * i, 3 * i + 1], {
      ...{ inChannels: widths[i]!, outChannels },
      ...{ kernel: 1, relu: true },
    }),
  );
  // Numbered as modules of a sequence: convolution, BN, ReLU; pool and flattening before the linear layer.
  const number = 3 * convolutions.length + 2;
  return sequential([
    ...convolutions,
    globalAveragePool,
    linear(childScope(scope, number), { inputs: channels, outputs }),
  ]);
};
