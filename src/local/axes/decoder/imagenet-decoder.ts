import { UserError } from '../../../core/errors.js';
import type { MapShape } from '../../../networks/network.js';
import { sequential, type Layer } from '../../../nn/layer.js';
import { conv, convBatchNorm, resizeBilinear } from '../../../nn/layers.js';
import { childScope, type Scope } from '../../../nn/parameters.js';
import type { Decoder } from './decoder.js';

/** A convolution to `width` channels with bias, BN and ReLU, then a bilinear resize to 1/`shrink` of the image. */
interface Step {
  readonly kernel: 1 | 3;
  readonly width: number;
  readonly shrink: number;
}

/** The steps by how many times smaller than the image the features are, at least; descending. */
type Plans = readonly (readonly [shrink: number, steps: readonly Step[]])[];

const step = (kernel: 1 | 3, width: number, shrink: number): Step => ({ kernel, width, shrink });

/**
 * The decoders of MAN's ImageNet code, without their sigmoid. It has one for 1024 channels and one for 512, which in its
 * networks are maps of 1/16 and 1/8 of the image. Decided here: the choice is by the map's size, so that every network
 * has one; 1/16's serves smaller maps and 1/8's those up to 1/4; sizes are shares of the image, 224 as published.
 *
 * Building it throws a UserError for maps larger than a quarter of the image.
 */
export const manImagenetDecoder: Decoder = plannedDecoder('man-imagenet', [
  [16, [step(1, 192, 8), step(1, 64, 4), step(3, 32, 2), step(3, 12, 1)]],
  [4, [step(1, 128, 4), step(3, 32, 2), step(3, 12, 1)]],
]);

/**
 * The decoders of HPFF's ImageNet code, without their sigmoid, for maps of 56, 28 and 14 of 224: 1/4, 1/8 and 1/16 of
 * the image. (The last goes up to 112, down to 56 and up again, as published.) Decided here: 1/16's serves smaller maps.
 *
 * Building it throws a UserError for maps larger than a quarter of the image.
 */
export const hpffImagenetDecoder: Decoder = plannedDecoder('hpff-imagenet', [
  [16, [step(1, 128, 2), step(3, 64, 4), step(3, 32, 2), step(3, 16, 1)]],
  [8, [step(1, 128, 4), step(3, 32, 2), step(3, 16, 1)]],
  [4, [step(1, 128, 2), step(3, 16, 1)]],
]);

function plannedDecoder(name: string, plans: Plans): Decoder {
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
  let inChannels = features.channels;
  // Numbered as modules of a sequence: convolution, BN, ReLU, resize.
  steps.forEach(({ kernel, width, shrink }, i) => {
    layers.push(
      convBatchNorm(scope, [4 * i, 4 * i + 1], {
        inChannels,
        outChannels: width,
        kernel,
        bias: true,
        relu: true,
      }),
      resizeBilinear([Math.ceil(image.height / shrink), Math.ceil(image.width / shrink)]),
    );
    inChannels = width;
  });
  const last = childScope(scope, 4 * steps.length);
  layers.push(conv(last, { inChannels, outChannels: image.channels, kernel: 3, bias: true }));
  return layers;
}
