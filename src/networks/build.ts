import type { Network } from './network.js';
import type { NetworkOptions } from './options.js';
import { resnetCifar } from './resnet-cifar.js';

/** What a data set and a seed decide of a network. */
export interface NetworkInputs {
  readonly classes: number;
  readonly imageShape: readonly [height: number, width: number, channels: number];
  readonly seed: number;
}

/** Throws a UserError where the network cannot take such images. */
export function buildNetwork(options: NetworkOptions, inputs: NetworkInputs): Network {
  return resnetCifar({ depth: options.depth, ...inputs });
}
