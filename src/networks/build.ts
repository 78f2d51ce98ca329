import { buildChosen, type Chosen } from '../core/choice.js';
import { builtInNetworks } from './built-in.js';
import type { Network, NetworkInputs, NetworkKind } from './network.js';

/**
 * The network that a config's `network` section names, for a data set's images and classes. Its initial values depend
 * on the seed and the parameters' names alone.
 *
 * @param options validated, defaults filled in
 * @param kinds the networks that there are
 * @throws UserError where the network cannot take such images
 */
export function buildNetwork(
  options: Chosen,
  inputs: NetworkInputs,
  kinds: readonly NetworkKind[] = builtInNetworks,
): Network {
  return buildChosen(kinds, options)(inputs);
}
