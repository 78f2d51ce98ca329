import { z } from 'zod';
import { trainingMode } from '../../../engine/fused/ops.js';
import { childScope } from '../../../nn/parameters.js';
import { imageOf } from '../../site.js';
import { decoderOf, decoderOptions } from '../decoder/built-in.js';
import { convolutionalDecoder } from '../decoder/convolutional.js';
import type { Decoder } from '../decoder/decoder.js';
import { patchReconstruction } from '../fusion/patches.js';
import { summedQuadrants } from '../fusion/patch-sum.js';
import { binaryCrossEntropy } from './binary-cross-entropy.js';
import { defineLoss, type AttachedLoss, type LocalLoss } from './loss.js';

/**
 * `decoder`: the image rebuilt from the features, binary cross-entropy against pixels in 0…1 (InfoPro, Wang et al.
 * 2021).
 *
 * @param decoder what rebuilds it; InfoPro's `2c` if not given
 */
export function reconstruction(decoder: Decoder = convolutionalDecoder()): LocalLoss {
  return {
    reconstructs: true,
    classifies: false,
    attach(scope, site, { fusion }) {
      if (fusion === 'patches') return patchReconstruction(decoder, scope, site);
      const layer = decoder(childScope(scope, 'decoder'), site.features, imageOf(site.network));
      const whole: AttachedLoss = {
        layers: [layer],
        loss: (x, batch) => binaryCrossEntropy(layer.forward(x, trainingMode), batch.pixels()),
      };
      return fusion === 'patch-sum' ? summedQuadrants(whole, site) : whole;
    },
  };
}

export const rebuilt = defineLoss({
  name: 'reconstruction',
  options: z.strictObject(decoderOptions),
  build: (options) => reconstruction(decoderOf(options)),
});
