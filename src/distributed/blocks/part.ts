import type * as tf from '@tensorflow/tfjs';
import { UserError } from '../../core/errors.js';
import type { Strategy } from '../../local/strategy.js';
import type { Across, LocalUpdate } from '../../local/update.js';
import { networkState, readsImage, type Network } from '../../networks/network.js';
import { ownedBy, sequential } from '../../nn/layer.js';
import type { BlockPlacement } from './placement.js';

/** What one rank has of a strategy whose blocks are on several. */
export interface Part {
  /** Its own updates, units and nets; the head is the last rank's. Owns nothing of its own: the whole strategy does. */
  readonly strategy: Strategy;
  /** Where its updates stand among all. */
  readonly updates: { readonly first: number; readonly end: number };
  /** Whether it reads the batch's images. */
  readonly reads: boolean;
  /** Whether it, or a rank after it, does: whether they are sent here. */
  readonly images: boolean;
  /** Variables of the next rank's that its updates follow: sent here after each step. */
  readonly follows: readonly tf.Variable[];
  /** Its own variables that the rank before follows. */
  readonly followed: readonly tf.Variable[];
  /** Where the first update of the next rank trains this one's last block too. */
  readonly lends: Across | undefined;
  /** Whether its first update trains the last block of the rank before too. */
  readonly borrows: boolean;
  /** What it steps. */
  readonly trained: ReadonlySet<tf.Variable>;
}

/**
 * What each rank has of a strategy.
 *
 * @throws UserError where the strategy's blocks cannot be on different ranks
 */
export function partsOf(strategy: Strategy, placement: BlockPlacement): readonly Part[] {
  const { updates, partition } = strategy;
  const blocks = updates.map((update) => blockOf(strategy, update));
  const unitsOf = new Map(strategy.network.units.map((unit) => [unit.name, unit]));
  const partOf = ({ first, end }: BlockPlacement[number], rank: number) => {
    const whole = updates.filter((_, i) => first <= blocks[i]! && blocks[i]! < end);
    if (whole.length === 0) {
      throw new UserError(
        `parallel.cuts: ${strategy.name}: rank ${rank} would have no update of its own, as '${updates[0]!.name}' trains its last block from above: cut after block ${blocks[0]! + 1} or later`,
      );
    }
    const { across } = whole[0]!.apart!;
    const own = across === undefined ? whole : [across.above, ...whole.slice(1)];
    const last = rank === placement.length - 1;
    const network: Network = {
      ...strategy.network,
      units: partition.slice(first, end).flatMap((names) => names.map((name) => unitsOf.get(name)!)),
      head: last ? strategy.network.head : sequential([]),
    };
    const nets = whole.flatMap(({ apart }) => apart!.nets);
    const { parameters, buffers, counters } = ownedBy(nets);
    const index = updates.indexOf(whole[0]!);
    return {
      strategy: {
        ...strategy,
        network,
        updates: own,
        auxiliary: [...parameters, ...buffers],
        counters,
      },
      updates: { first: index, end: index + own.length },
      across,
      reads: whole.some(({ apart }) => apart!.images) || network.units.some(readsImage),
      variables: new Set(
        [...networkState(network), ...parameters, ...buffers].map(({ variable }) => variable),
      ),
    };
  };
  const parts = placement.map(partOf);
  return parts.map((part, rank) => {
    const [below, above] = [parts[rank - 1], parts[rank + 1]];
    return {
      strategy: part.strategy,
      updates: part.updates,
      reads: part.reads,
      images: parts.slice(rank).some(({ reads }) => reads),
      follows: followsAbove(part, above?.variables ?? new Set()),
      followed: below === undefined ? [] : followedIn(below.strategy, part.variables),
      lends: above?.across,
      borrows: part.across !== undefined,
      trained: new Set([
        ...part.strategy.updates.flatMap(({ variables }) => variables),
        ...(above?.across?.below ?? []),
      ]),
    };
  });
}

/** Throws a UserError where an update follows what is neither on its own rank nor on the next. */
function followsAbove(
  { strategy, variables }: { readonly strategy: Strategy; readonly variables: ReadonlySet<tf.Variable> },
  above: ReadonlySet<tf.Variable>,
): readonly tf.Variable[] {
  for (const { name, follows = [] } of strategy.updates) {
    if (follows.every((variable) => variables.has(variable) || above.has(variable))) continue;
    throw new UserError(
      `parallel.blocks: ${strategy.name}: '${name}' follows values of a block that is neither on its rank nor on the next; cut elsewhere (parallel.cuts), or use fewer ranks`,
    );
  }
  return followedIn(strategy, above);
}

function followedIn({ updates }: Strategy, variables: ReadonlySet<tf.Variable>): tf.Variable[] {
  const followed = new Set(updates.flatMap(({ follows = [] }) => follows));
  return [...followed].filter((variable) => variables.has(variable));
}

/**
 * The block that an update trains.
 *
 * Throws a UserError where it trains it not alone: then no cut between ranks would do.
 */
function blockOf({ name, updates }: Strategy, update: LocalUpdate): number {
  if (update.apart !== undefined) return update.apart.block;
  const { through = [], variables } = update;
  const shared = updates.findLast(
    (other) =>
      other !== update &&
      [...other.variables, ...(other.through ?? [])].some(
        (variable) => variables.includes(variable) || through.includes(variable),
      ),
  );
  const reason =
    shared === undefined
      ? `'${update.name}' does not say what it needs of other blocks (\`apart\`)`
      : `'${update.name}' and '${shared.name}' train the same block, so a backward pass would cross between ranks wherever they are cut`;
  throw new UserError(`parallel.blocks: ${name}: ${reason}; train it on one rank, or with parallel: data`);
}
