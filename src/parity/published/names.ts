import type { Strategy } from '../../local/strategy.js';
import type { Network, Unit } from '../../networks/network.js';

/** The names that a method's code has for a strategy's parameters: the backbone's, the head's, the auxiliary nets'. */
export type PublishedNames = (strategy: Strategy) => (name: string) => string;

/** How a method's code names what belongs to the auxiliary nets of a block. */
export interface Naming {
  /** The unit whose `stage_index` the code's names carry. */
  readonly unit: (network: Network, last: Unit) => Unit;
  /** Our prefix below the block → the code's. */
  readonly prefixes: Readonly<Record<string, (label: string, block: number, network: Network) => string>>;
  /** The code's name of the network's head. */
  readonly head: (network: Network) => string;
}

export const lastUnit = (_network: Network, last: Unit): Unit => last;
export const nextUnit = (network: Network, last: Unit): Unit =>
  network.units[network.units.indexOf(last) + 1]!;

const plainHead = (): string => 'fc';
export const widthHead = (network: Network): string =>
  isImagenet(network) ? 'fc' : `fc${network.units[network.units.length - 1]!.output.channels}`;

/** Whether it is one of torchvision's, whose files name everything as torchvision does. */
export const isImagenet = ({ name }: Network): boolean => name.startsWith('resnet-imagenet-');

/** Names by prefix: of a prefix that is a whole name, too. */
export const namesByPrefix =
  (naming: Naming): PublishedNames =>
  ({ network, partition }) =>
  (name) => {
    if (name.startsWith('fc.')) return naming.head(network) + name.slice(2);
    const match = /^auxiliary\.(\d+)\.(.+)$/.exec(name);
    if (match === null) return name;
    const block = Number(match[1]);
    const rest = match[2]!;
    const lastName = partition[block]!.at(-1);
    const unit = naming.unit(
      network,
      network.units.find((candidate) => candidate.name === lastName)!,
    );
    const prefix = Object.keys(naming.prefixes).find((candidate) => `${rest}.`.startsWith(`${candidate}.`));
    if (prefix === undefined) throw new Error(`no published name for ${name}`);
    return (
      naming.prefixes[prefix]!(`${unit.stage}_${unit.index}`, block, network) + rest.slice(prefix.length)
    );
  };

/** AugLocal's repository, which has the older methods too. */
export const auglocalNaming: Naming = {
  unit: lastUnit,
  head: plainHead,
  prefixes: {
    classifier: (label) => `aux_classifier_${label}.head`,
    decoder: (label) => `decoder_${label}.decoder`,
  },
};

export const auglocalNames = namesByPrefix(auglocalNaming);
