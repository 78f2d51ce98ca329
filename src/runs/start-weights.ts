import { readStartWeights, type StartWeights } from '../config/start-weights.js';
import { decodeSafetensors } from '../formats/safetensors.js';
import { loadWeights } from '../networks/import.js';
import type { Network } from '../networks/network.js';

/**
 * Lets a network start with the weights of a file.
 *
 * @throws UserError if the file is not the one recorded, is damaged, or holds another network's weights
 */
export function startWithWeights(network: Network, weights: StartWeights): void {
  const { tensors } = decodeSafetensors(readStartWeights(weights), weights.file);
  loadWeights(network, tensors, weights.file, {
    head: weights.head ?? 'loaded',
    otherHead:
      'of another number of classes? network: { weights: { file: …, head: new } } starts with a new head',
    otherNetwork: 'name the network that they are of',
  });
}
