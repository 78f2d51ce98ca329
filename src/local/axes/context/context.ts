import { UserError } from '../../../core/errors.js';
import type { MapShape, Network } from '../../../networks/network.js';
import { sequential, type Layer } from '../../../nn/layer.js';
import { conv } from '../../../nn/layers.js';
import { childScope, rootScope, type Scope } from '../../../nn/parameters.js';
import { adaptiveAveragePool } from '../../../nn/pooling.js';
import type { Cuts } from '../../partition/partition.js';
import { imageOf } from '../../site.js';

/**
 * Builds what a block sees of the image beside its input.
 *
 * @param image the shape of an image
 * @param input the shape of the block's input
 * @returns normalised images `[n, H, W, c]` → features of the shape of the block's input
 */
export type ContextNet = (scope: Scope, image: MapShape, input: MapShape) => Layer;

/** The coarsest stride of a context's convolution; larger images are averaged down to it first. */
const coarsest = 8;

/**
 * A context of one convolution with bias, whose stride takes the image to the size of the block's input: a 3×3 filter
 * at stride 1, else windows that meet but do not overlap, so that no pixel is missed. Without BN: what it would keep
 * for its backward pass is as large as a block's input, and the paper's supply (ContSup, Yu et al. 2023) costs next to
 * nothing. Images of other than a multiple of the input's size, or of more than 8 times it, are first brought to one by
 * an average pool.
 *
 * @throws UserError where the input is larger than the image
 */
export const imageContext: ContextNet = (scope, image, input) => {
  if (input.height > image.height || input.width > image.width) {
    throw new UserError(
      `context: a block's input of ${input.height}×${input.width} is larger than the image, which has no more to supply; leave the context out`,
    );
  }
  const stride = Math.min(coarsest, Math.round(image.height / input.height));
  return sequential([
    adaptiveAveragePool([stride * input.height, stride * input.width]),
    conv(scope, {
      inChannels: image.channels,
      outChannels: input.channels,
      kernel: stride === 1 ? 3 : stride,
      stride,
      padding: stride === 1 ? 1 : 0,
      bias: true,
    }),
  ]);
};

/** A network whose blocks see the image again, and the nets that were added. */
export interface SuppliedNetwork {
  readonly network: Network;
  readonly contexts: readonly Layer[];
}

/**
 * The network with context supplied to the first unit after each cut (ContSup, Yu et al. 2023): that unit reads
 * h + f(image), f a net of its own that is trained with its block. The layers are the given network's; the contexts
 * are new, named `context.{unit}`, and the caller's to dispose.
 *
 * The result is a network of its own because evaluation must compute what was trained: everything that runs or saves a
 * network takes its units' contexts with them.
 */
export function supplyContext(network: Network, cuts: Cuts, context: ContextNet): SuppliedNetwork {
  const scope = childScope(rootScope(network.seed), 'context');
  const contexts: Layer[] = [];
  const units = network.units.map((unit, index) => {
    if (!cuts.includes(index - 1)) return unit;
    const layer = context(childScope(scope, unit.name), imageOf(network), network.units[index - 1]!.output);
    contexts.push(layer);
    return { ...unit, context: layer };
  });
  return { network: { ...network, units }, contexts };
}
