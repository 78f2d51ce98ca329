import { UserError } from '../../../core/errors.js';
import type { MapShape } from '../../../networks/network.js';
import { sequential, type Layer } from '../../../nn/layer.js';
import { conv, convBatchNorm, type ConvOptions } from '../../../nn/layers.js';
import { childScope, type Scope } from '../../../nn/parameters.js';
import type { Decoder, NamedDecoder } from './decoder.js';

/** A convolution to `width` channels with bias, BN and ReLU, then a bilinear resize to 1/`shrink` of the image. */
interface Step {
  readonly kernel: 1 | 3;
  readonly width: number;
  readonly shrink: number;
}

/** The steps by how many times smaller than the image the features are, at least; descending. */
export type Plans = readonly (readonly [shrink: number, steps: readonly Step[]])[];

export const step = (kernel: 1 | 3, width: number, shrink: number): Step => ({ kernel, width, shrink });

/** The layers of the first plan for maps that small; throws a UserError for larger ones. */
export function plannedDecoder(name: string, plans: Plans): Decoder {
  return (scope, features, image) => {
    const shrink = Math.round(image.height / features.height);
    const plan = plans.find(([least]) => shrink >= least);
    if (plan === undefined) {
      throw new UserError(
        `decoder '${name}' is for feature maps of at most a quarter of the image's size; these are ${features.height}×${features.width} of ${image.height}×${image.width}: cut further up, or use decoder '2c'`,
      );
    }
    return sequential(planLayers(scope, plan[1], features, image));
  };
}

function planLayers(scope: Scope, steps: readonly Step[], features: MapShape, image: MapShape): Layer[] {
  const layers: Layer[] = [];
  /** What each convolution reads: the resize behind a step is part of the next one. */
  let before: Pick<ConvOptions, 'inChannels' | 'resized'> = { inChannels: features.channels };
  // Numbered as modules of a sequence: convolution, BN, ReLU, resize.
  steps.forEach(({ kernel, width, shrink }, i) => {
    layers.push(
      convBatchNorm(scope, [4 * i, 4 * i + 1], {
        ...before,
        outChannels: width,
        kernel,
        bias: true,
        relu: true,
      }),
    );
    before = {
      inChannels: width,
      resized: [Math.ceil(image.height / shrink), Math.ceil(image.width / shrink)],
    };
  });
  const last = childScope(scope, 4 * steps.length);
  layers.push(conv(last, { ...before, outChannels: image.channels, kernel: 3, bias: true }));
  return layers;
}

/** A planned decoder by name, which has no width to choose. */
export const ofPublishedWidths = <const Name extends string>(
  name: Name,
  decoder: Decoder,
): NamedDecoder<Name> => ({
  name,
  build({ decoderWidth }) {
    if (decoderWidth === undefined) return decoder;
    throw new UserError(
      `decoderWidth is of decoder 2c; decoder ${name} has the published widths: leave out decoderWidth`,
    );
  },
});
