import type { Strategy } from '../strategy.js';

/**
 * Says why a strategy has other blocks than it was asked for: `15 blocks for K = 16: …`; nothing where it has as many.
 *
 * @param asked K; undefined where nobody said how many
 */
export function blocksNote(strategy: Asked, asked: number | undefined): string | undefined {
  const { blocks } = strategy;
  if (asked === undefined || asked === blocks) return undefined;
  return `${blocks} blocks for K = ${asked}: ${reasonFor(strategy, asked)}`;
}

type Asked = Pick<Strategy, 'name' | 'blocks' | 'partition' | 'network'>;

function reasonFor({ name, blocks, partition, network }: Asked, asked: number): string {
  const [first = [], ...others] = partition;
  if (blocks === asked + 1 && first.length === 1) return `${first[0]} is a block of its own beside the K`;
  if (name === 'auglocal') return `with its depth the last ${asked - blocks + 1} are one, with the head`;
  if (others.every((units) => units.length === 1))
    return `${network.name} is cut after every unit, as in the published code`;
  return 'that is how its method cuts';
}
