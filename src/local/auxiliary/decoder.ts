import { sequential, type Layer } from '../../nn/layer.js';
import { conv, convBatchNorm, resizeBilinear } from '../../nn/layers.js';
import { childScope, type Scope } from '../../nn/parameters.js';

export interface DecoderOptions {
  readonly inChannels: number;
  /** Of the hidden layer. */
  readonly width: number;
  /** Height and width of the image. */
  readonly size: number;
  /** Of the image. */
  readonly channels: number;
}

/**
 * InfoPro's `2c` decoder without its final sigmoid: bilinear resize to the image's size, 3×3 convolution (to 12
 * channels as published), BN, ReLU, 3×3 convolution to the image's channels. `[n, h, w, in]` → logits
 * `[n, size, size, channels]`.
 */
export function imageDecoder(scope: Scope, { inChannels, width, size, channels }: DecoderOptions): Layer {
  return sequential([
    resizeBilinear(size),
    convBatchNorm(scope, [0, 1], { inChannels, outChannels: width, kernel: 3, bias: true, relu: true }),
    conv(childScope(scope, 3), { inChannels: width, outChannels: channels, kernel: 3, bias: true }),
  ]);
}
