import { z } from 'zod';
import { UserError } from '../../../core/errors.js';
import { sequential, type Layer } from '../../../nn/layer.js';
import { convBatchNorm, globalAveragePool, linear, relu } from '../../../nn/layers.js';
import { childScope } from '../../../nn/parameters.js';
import { defineAuxiliary, type AuxiliaryNet } from './auxiliary.js';

/** The widths of a convolutional net. */
export interface ConvolutionalWidths {
  /** Width of the hidden linear layers. */
  readonly features: number;
  /** Factor on the published widths, of convolutions and hidden linear layers alike. */
  readonly widen: number;
}

/** InfoPro's. */
export const publishedWidths: ConvolutionalWidths = { features: 128, widen: 1 };

/** Where the convolutions stop to double the width. */
const widest = 64;

/**
 * InfoPro's `<a>c<b>f` (Wang et al. 2021): a × [3×3 convolution, BN, ReLU] — the first doubles the width at stride 2 up
 * to 64 channels, the others keep it — global average pool, then b linear layers with ReLU between. Greedy's net is
 * `0c1f`. Layers are numbered as in the published code, pools and activations counted.
 *
 * @param name such as `0c1f` or `1c2f`
 * @param widths InfoPro's if not given
 * @throws UserError where the name is not of that form
 */
export function convolutionalNet(
  name: string,
  { features, widen }: ConvolutionalWidths = publishedWidths,
): AuxiliaryNet {
  const match = /^(\d)c([1-9])f$/.exec(name);
  if (match === null) {
    throw new UserError(
      `auxiliary net '${name}': expected <convolutions>c<linear layers>f, such as 0c1f, 1c2f or 2c2f`,
    );
  }
  const convolutions = Number(match[1]);
  const linears = Number(match[2]);
  return (scope, site, outputs) => {
    const layers: Layer[] = [];
    let number = 0;
    let width = site.features.channels;
    const halved = width < widest;
    const convolved = Math.floor((halved ? 2 * width : width) * widen);
    for (let i = 0; i < convolutions; i++) {
      layers.push(
        convBatchNorm(scope, [number, number + 1], {
          inChannels: width,
          outChannels: convolved,
          kernel: 3,
          stride: i === 0 && halved ? 2 : 1,
          relu: true,
        }),
      );
      number += 3;
      width = convolved;
    }
    layers.push(globalAveragePool);
    number += 2;
    for (let i = 0; i < linears; i++) {
      const last = i === linears - 1;
      const out = last ? outputs : Math.floor(features * widen);
      layers.push(linear(childScope(scope, number), { inputs: width, outputs: out }));
      if (!last) layers.push(relu);
      number += 2;
      width = out;
    }
    return sequential(layers);
  };
}

/** The widths as options. */
export const convolutionalWidths = {
  /** Width of hidden linear layers, and of the features that a contrast compares. */
  featureWidth: z.int().min(1).default(publishedWidths.features),
  /** Factor on the published widths of a convolutional net. */
  widen: z.number().positive().default(publishedWidths.widen),
};

/** Those that have a name of their own: 0c1f … 3c3f. */
export const convolutionalNets = [0, 1, 2, 3].flatMap((convolutions) =>
  [1, 2, 3].map((linears) => {
    const name = `${convolutions}c${linears}f`;
    return defineAuxiliary({
      name,
      options: z.strictObject(convolutionalWidths),
      build: ({ featureWidth, widen }) => convolutionalNet(name, { features: featureWidth, widen }),
    });
  }),
);
