import { z } from 'zod';
import { UserError } from '../../core/errors.js';
import { checkGiven, sizeSchema } from '../../core/given.js';
import type { Network, Unit } from '../../networks/network.js';
import { publishedCuts } from './published-cuts.js';

/** Indices of the units after which the network is cut, ascending; the last unit always ends the last block. */
export type Cuts = readonly number[];

/** What cutting looks at. */
const networkForm = z.object({ name: z.string(), units: z.array(z.object({ name: z.string() })) });

/** Cuts a network after every unit. */
export function everyUnit(network: Network): Cuts {
  checkGiven('everyUnit', { network: networkForm }, { network });
  return network.units.slice(0, -1).map((_, index) => index);
}

const evenForms = {
  network: networkForm,
  count: sizeSchema,
  options: z.object({ stemJoined: z.boolean() }),
};

/**
 * Cuts a network into blocks of units that differ in length by at most one, the longer ones last.
 *
 * @param count of blocks
 * @param options `stemJoined`: the stem is counted with the first residual unit
 * @throws UserError where there are fewer units than blocks
 */
export function evenCuts(network: Network, count: number, options: { readonly stemJoined: boolean }): Cuts {
  checkGiven('evenCuts', evenForms, { network, count, options });
  const { stemJoined } = options;
  const first = stemJoined ? 1 : 0;
  const available = network.units.length - first;
  if (count > available) {
    const joined = stemJoined ? ' (the stem belongs to the first)' : '';
    throw new UserError(
      `blocks: ${count} is more than the ${available} units of ${network.name}${joined}; ask for at most ${available}`,
    );
  }
  return evenEnds(available, count).map((end) => first + end);
}

/** The last of each but the last of `count` runs of `pieces`, whose lengths differ by at most one, the longer ones last. */
export function evenEnds(pieces: number, count: number): number[] {
  return Array.from({ length: count - 1 }, (_, i) => Math.floor(((i + 1) * pieces) / count) - 1);
}

/**
 * The cut points of MAN's and HPFF's published code for K = `count`, where it has them for this network, else even
 * ones. The stem belongs to the first block. (For K = 16 on ResNet-32 that code cuts at every unit: 15 blocks.)
 *
 * @param method by name: some have cut points of their own
 */
export function publishedOrEvenCuts(network: Network, count: number, method?: string): Cuts {
  const names = publishedCuts(network.name, count, method === undefined ? {} : { method });
  if (names === undefined) return evenCuts(network, count, { stemJoined: true });
  if (names === 'every unit') return everyUnit(network).slice(1);
  return cutsAfter(
    network,
    names.map((name) => `layer${name}`),
  );
}

/**
 * The cut points of that code's memory-balanced option, for images of the network's size.
 *
 * @throws UserError where none were published
 */
export function memoryBalancedCuts(network: Network, count: number): Cuts {
  const [imageSize] = network.imageShape;
  const names = publishedCuts(network.name, count, { memoryBalanced: true, imageSize });
  if (names === undefined || names === 'every unit') {
    throw new UserError(
      `cuts: no memory-balanced cut points were published for ${count} blocks of ${network.name}; there are some for 2, 3 and 4 blocks of resnet-110, and for 2, 4 and 8 of resnet-32; choose cuts: balanced, or name the units`,
    );
  }
  return cutsAfter(
    network,
    names.map((name) => `layer${name}`),
  );
}

/**
 * Cuts a network after the units of these names.
 *
 * @throws UserError where there is no such unit, or they are not in the network's order, or nothing follows the last of
 * them
 */
export function cutsAfter(network: Network, names: readonly string[]): Cuts {
  checkGiven('cutsAfter', { network: networkForm, names: z.array(z.string()) }, { network, names });
  const unitNames = network.units.map(({ name }) => name);
  const cuts = names.map((name) => {
    const index = unitNames.indexOf(name);
    if (index >= 0) return index;
    const example = `${unitNames.slice(0, 3).join(', ')}, … ${unitNames.at(-1)}`;
    throw new UserError(`cuts: ${network.name} has no unit '${name}'; it has ${example}`);
  });
  cuts.forEach((cut, i) => {
    if (i > 0 && cut <= cuts[i - 1]!) {
      throw new UserError(`cuts: '${names[i]}' comes before '${names[i - 1]}'; name the units in order`);
    }
  });
  if (cuts.at(-1) === network.units.length - 1) {
    throw new UserError(`cuts: '${names.at(-1)}' is the last unit of ${network.name}; nothing follows it`);
  }
  return cuts;
}

/** The runs of units that the cuts leave. */
export function unitRuns(network: Network, cuts: Cuts): (readonly Unit[])[] {
  const ends = [...cuts, network.units.length - 1];
  return ends.map((end, i) => network.units.slice(i === 0 ? 0 : ends[i - 1]! + 1, end + 1));
}
