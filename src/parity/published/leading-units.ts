import { UserError } from '../../core/errors.js';
import type { Network } from '../../networks/network.js';

/** AugLocal's repository gives the first K − 1 units a loss of their own, and the last to all that follow. */
export function leadingUnits(network: Network, count: number): { blocks: number } | { cuts: string[] } {
  const { units } = network;
  if (count < 2) throw new UserError(`K: ${count} modules leave no local one`);
  return count >= units.length
    ? { blocks: count }
    : { cuts: units.slice(0, count - 1).map(({ name }) => name) };
}
