import { UserError } from '../errors.js';
import type { Network, Unit } from '../networks/network.js';
import { publishedCuts } from './published-cuts.js';

/** Indices of the units after which the network is cut, ascending; the last unit always ends the last block. */
export type Cuts = readonly number[];

/** A cut after every unit. */
export function everyUnit(network: Network): Cuts {
  return network.units.slice(0, -1).map((_, index) => index);
}

/**
 * `count` blocks of units that differ in length by at most one, the longer ones last. With `stemJoined` the stem is
 * counted with the first residual unit. Throws a UserError where there are fewer units than blocks.
 */
export function evenCuts(
  network: Network,
  count: number,
  { stemJoined }: { readonly stemJoined: boolean },
): Cuts {
  const first = stemJoined ? 1 : 0;
  const available = network.units.length - first;
  if (count > available) {
    const joined = stemJoined ? ' (the stem belongs to the first)' : '';
    throw new UserError(
      `blocks: ${count} is more than the ${available} units of ${network.name}${joined}; ask for at most ${available}`,
    );
  }
  return Array.from({ length: count - 1 }, (_, i) => first + Math.floor(((i + 1) * available) / count) - 1);
}

/**
 * The cut points of MAN's and HPFF's published code for K = `count`, where it has them for this network, else even
 * ones. The stem belongs to the first block. (For K = 16 on ResNet-32 that code cuts at every unit: 15 blocks.)
 */
export function publishedOrEvenCuts(network: Network, count: number): Cuts {
  const names = publishedCuts(network.name, count);
  if (names === undefined) return evenCuts(network, count, { stemJoined: true });
  if (names === 'every unit') return everyUnit(network).slice(1);
  return names.map((name) => network.units.findIndex((unit) => unit.name === `layer${name}`));
}

/** The runs of units that the cuts leave. */
export function unitRuns(network: Network, cuts: Cuts): (readonly Unit[])[] {
  const ends = [...cuts, network.units.length - 1];
  return ends.map((end, i) => network.units.slice(i === 0 ? 0 : ends[i - 1]! + 1, end + 1));
}
