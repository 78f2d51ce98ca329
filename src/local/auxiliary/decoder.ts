import { sequential, type Layer } from '../../nn/layer.js';
import { conv, convBatchNorm, resizeBilinear } from '../../nn/layers.js';
import { childScope, type Scope } from '../../nn/parameters.js';

/**
 * InfoPro's `2c` decoder without its final sigmoid: bilinear resize to the image's size, 3×3 convolution to 12
 * channels, BN, ReLU, 3×3 convolution to the image's channels. `[n, h, w, in]` → logits `[n, size, size, channels]`.
 */
export function imageDecoder(
  scope: Scope,
  options: { readonly inChannels: number; readonly size: number; readonly channels: number },
): Layer {
  const { inChannels, size, channels } = options;
  return sequential([
    resizeBilinear(size),
    convBatchNorm(scope, [0, 1], { inChannels, outChannels: 12, kernel: 3, bias: true, relu: true }),
    conv(childScope(scope, 3), { inChannels: 12, outChannels: channels, kernel: 3, bias: true }),
  ]);
}
