import { inPhase } from '../engine/out-of-memory.js';
import { freeingOnError } from '../nn/parameters.js';
import type { Network, NetworkInputs } from './network.js';
import type { NetworkOptions } from './options.js';
import { resnetCifar } from './resnet-cifar.js';
import { resnetImagenet, resnextImagenet } from './resnet-imagenet.js';
import { vgg } from './vgg.js';
import { vit } from './vit.js';

/**
 * The network that a config's `network` section names, for a data set's images and classes. Its initial values depend
 * on the seed and the parameters' names alone.
 *
 * Throws a UserError where the network cannot take such images, or memory does not suffice for it.
 */
export function buildNetwork(options: NetworkOptions, inputs: NetworkInputs): Network {
  return inPhase(`network ${options.name}`, 'take a smaller network, or free memory on this machine', () =>
    freeingOnError(() => build(options, inputs)),
  );
}

function build(options: NetworkOptions, inputs: NetworkInputs): Network {
  switch (options.name) {
    case 'resnet':
      return resnetCifar({ ...options, ...inputs });
    case 'resnet-imagenet':
      return resnetImagenet({ ...options, ...inputs });
    case 'resnext-imagenet':
      return resnextImagenet({ ...options, ...inputs });
    case 'vgg':
      return vgg({ ...options, ...inputs });
    case 'vit':
      return vit({ mlpWidth: 4 * options.width, ...options, ...inputs });
  }
}
