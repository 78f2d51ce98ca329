import { networkSchema } from './forms.js';
import { checkGiven } from '../core/given.js';
import { toTorch } from '../nn/parameters.js';
import type { SafeTensor } from '../formats/safetensors.js';
import { networkCounters, networkState, type Network } from './network.js';

/**
 * Copies the network's weights out.
 *
 * @returns tensors by PyTorch's names and in its layouts: written as safetensors they are the `state_dict` of
 * torchvision's network of that name, `num_batches_tracked` included
 */
export function networkWeights(network: Network): ReadonlyMap<string, SafeTensor> {
  checkGiven('networkWeights', { network: networkSchema }, { network });
  const tracked = networkCounters(network).filter(({ torch }) => torch);
  return new Map<string, SafeTensor>([
    ...networkState(network).map((parameter) => [parameter.name, toTorch(parameter)] as const),
    ...tracked.map(
      ({ name, value }) => [name, { shape: [], values: BigInt64Array.of(BigInt(value)) }] as const,
    ),
  ]);
}
