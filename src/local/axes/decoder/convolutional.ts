import { sequential } from '../../../nn/layer.js';
import { conv, convBatchNorm } from '../../../nn/layers.js';
import { childScope } from '../../../nn/parameters.js';
import type { Decoder, NamedDecoder } from './decoder.js';

/**
 * InfoPro's `2c` decoder (Wang et al. 2021) without its final sigmoid: bilinear resize to the image's size, 3×3
 * convolution to `width` channels, BN, ReLU, 3×3 convolution to the image's channels.
 *
 * @param width of the hidden layer, in channels; 12 as published
 */
export function convolutionalDecoder(width = 12): Decoder {
  return (scope, features, image) =>
    sequential([
      convBatchNorm(scope, [0, 1], {
        inChannels: features.channels,
        outChannels: width,
        kernel: 3,
        bias: true,
        relu: true,
        resized: [image.height, image.width],
      }),
      conv(childScope(scope, 3), { inChannels: width, outChannels: image.channels, kernel: 3, bias: true }),
    ]);
}

export const twoConvolutions = {
  name: '2c',
  build: ({ decoderWidth }) => convolutionalDecoder(decoderWidth),
} as const satisfies NamedDecoder;
