import { ownEntry } from '../../core/own-entry.js';
import type { Network, Unit } from '../../networks/network.js';
import { publishedOrEvenCuts, type Cuts } from '../partition/partition.js';

/** Units of a stage, the first and the last by their indices, and the chain after each: `stage.index …`. */
type Run = readonly [stage: number, first: number, last: number, chain: string];

/** The chains of a partition into K blocks, as the published code counts them. */
interface Published {
  readonly count: number;
  readonly runs: readonly Run[];
}

const resnet110: readonly Run[] = [
  [1, 0, 17, '2.0 3.0 3.2 3.17'],
  [2, 0, 16, '3.0 3.2 3.3 3.17'],
  [2, 17, 17, '3.0 3.3 3.4 3.17'],
  [3, 0, 6, '3.8 3.17'],
  [3, 7, 10, '3.14 3.17'],
  [3, 11, 12, '3.15 3.17'],
];

/** ResNet-152's are not in the README, but in the code, as ResNet-101's. */
const bottlenecks = (stage2: number, stage3: number): readonly Run[] => [
  [1, 0, 2, '2.0 3.0 4.0 4.2'],
  [2, 0, stage2 - 1, '3.0 4.0 4.1'],
  [3, 0, stage3 - 1, '4.0 4.1'],
  [4, 0, 1, '4.1 4.2'],
];

const tables: Readonly<Record<string, readonly Published[]>> = {
  'resnet-32': [
    {
      count: 16,
      runs: [
        [1, 1, 1, '2.0 3.0 3.2 3.4'],
        [1, 2, 2, '2.0 3.0 3.3 3.4'],
        [1, 3, 3, '2.0 3.0 3.2 3.4'],
        [1, 4, 4, '2.0 3.0 3.3 3.4'],
        [2, 0, 4, '3.0 3.2 3.3 3.4'],
        [3, 0, 0, '3.1 3.2 3.4'],
        [3, 1, 1, '3.2 3.3 3.4'],
        [3, 2, 2, '3.3 3.4'],
        [3, 3, 3, '3.4'],
      ],
    },
    {
      count: 8,
      runs: [
        [1, 2, 2, '2.0 3.0 3.2 3.4'],
        [1, 4, 4, '2.0 3.0 3.3 3.4'],
        [2, 1, 3, '3.0 3.2 3.3 3.4'],
        [3, 0, 0, '3.2 3.3 3.4'],
        [3, 2, 2, '3.3 3.4'],
      ],
    },
  ],
  'resnet-110': [
    { count: 55, runs: [...resnet110, [3, 13, 15, '3.16 3.17'], [3, 16, 16, '3.17']] },
    { count: 32, runs: [...resnet110, [3, 13, 13, '3.16 3.17'], [3, 15, 15, '3.17']] },
  ],
  'resnet-imagenet-34': [
    {
      count: 16,
      runs: [
        [1, 0, 2, '2.0 2.1 3.0 4.0 4.2'],
        [2, 0, 3, '2.1 3.0 4.0 4.2'],
        [3, 0, 5, '3.1 4.0 4.1'],
        [4, 0, 0, '4.1 4.1 4.2'],
        [4, 1, 1, '4.1 4.2'],
      ],
    },
  ],
  'resnet-imagenet-101': [{ count: 33, runs: bottlenecks(4, 23) }],
  'resnet-imagenet-152': [{ count: 50, runs: bottlenecks(8, 36) }],
};

/** How long a chain is by the rule. */
const length = 4;

/**
 * The units that the augmenting chain after a unit is shaped like: as published for this network and these cuts; else
 * `ruledChain`.
 */
export function chainAfter(network: Network, cuts: Cuts, unit: Unit): readonly Unit[] {
  const published = ownEntry(tables, network.name)?.find(
    ({ count }) => publishedOrEvenCuts(network, count).join() === cuts.join(),
  );
  const run = published?.runs.find(
    ([stage, first, last]) => unit.stage === stage && first <= unit.index && unit.index <= last,
  );
  if (run === undefined) return ruledChain(network, unit);
  return run[3].split(' ').map((name) => network.units.find((each) => each.name === `layer${name}`)!);
}

/**
 * Decided here, for what has no published chain, after the published ones: the first unit of each later stage, then as
 * many of the last stage's other units as make it four, evenly spaced, the network's last unit always among them. On
 * ResNet-32, K = 16, these are the published chains but for three of thirteen.
 */
export function ruledChain({ units }: Network, unit: Unit): readonly Unit[] {
  const firsts = units.filter(({ stage, index }) => stage > unit.stage && index === 0);
  const rest = units.slice(units.indexOf(firsts.at(-1) ?? unit) + 1);
  const count = Math.min(Math.max(1, length - firsts.length), rest.length);
  const spaced = Array.from(
    { length: count },
    (_, i) => rest[Math.ceil(((i + 1) * rest.length) / count) - 1]!,
  );
  return [...firsts, ...spaced];
}
