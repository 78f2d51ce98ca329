import { UserError } from '../../core/errors.js';
import type { Network } from '../../networks/network.js';
import { cutsAfter, evenCuts, memoryBalancedCuts, publishedOrEvenCuts, type Cuts } from './partition.js';

/** Where to cut, as a person says it. */
export interface PartitionOptions {
  /** For messages, and for cut points that its published code has for itself. */
  readonly method: string;
  readonly blocks?: number;
  readonly cuts?: 'balanced' | 'memory-balanced' | readonly string[];
}

/** Cut points of the methods that take the stem for a unit like the others; by default after every unit. */
export function unitCuts(network: Network, { method, blocks, cuts }: PartitionOptions): Cuts {
  if (cuts === 'memory-balanced') return memoryBalancedCuts(network, requiredBlocks(method, blocks));
  if (cuts !== undefined) return explicitCuts(network, method, cuts, blocks);
  return evenCuts(network, blocks ?? network.units.length, { stemJoined: false });
}

/** Cut points of the methods that join the stem to the first stage, and their K, which ramps count with. */
export function stageCuts(
  network: Network,
  { method, blocks, cuts }: PartitionOptions,
): { cuts: Cuts; count: number } {
  if (cuts !== undefined && cuts !== 'memory-balanced') {
    const indices = explicitCuts(network, method, cuts, blocks);
    return { cuts: indices, count: indices.length + 1 };
  }
  const count = requiredBlocks(method, blocks);
  const chosen =
    cuts === undefined ? publishedOrEvenCuts(network, count, method) : memoryBalancedCuts(network, count);
  return { cuts: chosen, count };
}

function requiredBlocks(method: string, blocks: number | undefined): number {
  if (blocks !== undefined) return blocks;
  throw new UserError(`${method}: say where to cut: blocks (how many), or cuts (after which units)`);
}

/**
 * Cuts after the units named; throws a UserError where a number of blocks is given as well. `balanced` has no names
 * before a step was measured (`balanceCuts` finds them), and is refused.
 */
export function explicitCuts(
  network: Network,
  method: string,
  names: 'balanced' | readonly string[],
  blocks: number | undefined,
): Cuts {
  if (names === 'balanced') {
    throw new UserError(
      `${method}: cuts 'balanced' are chosen by measuring a training step, as train, compare and memory do; choose them first (balanceCuts), or name units`,
    );
  }
  if (blocks === undefined) return cutsAfter(network, names);
  throw new UserError(`${method}: cuts already say how many blocks there are; leave out blocks`);
}
