import { z } from 'zod';
import { networkInputsSchema } from './forms.js';
import { checkGiven } from '../core/given.js';
import { buildChosen, type Chosen } from '../core/choice.js';
import { builtInNetworks } from './built-in.js';
import type { Network, NetworkInputs, NetworkKind } from './network.js';
import { inPhase } from '../engine/out-of-memory.js';
import { freeingOnError } from '../nn/parameters.js';

/**
 * Builds the network that a config's `network` section names, for a data set's images and classes. Its initial values
 * depend on the seed and the parameters' names alone.
 *
 * @param options validated, defaults filled in
 * @param kinds the networks that there are
 * @throws UserError where the network cannot take such images, or memory does not suffice for it
 */
export function buildNetwork(
  options: Chosen,
  inputs: NetworkInputs,
  kinds: readonly NetworkKind[] = builtInNetworks,
): Network {
  const names = kinds.map(({ name }) => name);
  const forms = { options: z.looseObject({ name: z.enum(names) }), inputs: networkInputsSchema };
  checkGiven('buildNetwork', forms, { options, inputs });
  return inPhase(`network ${options.name}`, 'take a smaller network, or free memory on this machine', () =>
    freeingOnError(() => buildChosen(kinds, options)(inputs)),
  );
}
