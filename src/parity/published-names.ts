import type { Strategy } from '../local/strategy.js';
import type { Network, Unit } from '../networks/network.js';

/** The published code's name of one of our parameters. */
export type PublishedName = (name: string) => string;

/** How a method's code names what belongs to the auxiliary nets of a block. */
interface Naming {
  /** The unit whose `stage_index` the code's names carry. */
  readonly unit: (network: Network, last: Unit) => Unit;
  /** Our prefix below the block → the code's. */
  readonly prefixes: Readonly<Record<string, (label: string, block: number) => string>>;
  /** The code's name of the network's head. */
  readonly head: (network: Network) => string;
}

const lastUnit = (_network: Network, last: Unit): Unit => last;
const nextUnit = (network: Network, last: Unit): Unit => network.units[network.units.indexOf(last) + 1]!;
const plainHead = (): string => 'fc';
const widthHead = (network: Network): string =>
  `fc${network.units[network.units.length - 1]!.output.channels}`;

const auglocalRepository: Naming = {
  unit: lastUnit,
  head: plainHead,
  prefixes: {
    classifier: (label) => `aux_classifier_${label}.head`,
    decoder: (label) => `decoder_${label}.decoder`,
  },
};

const manRepository: Naming = {
  unit: nextUnit,
  head: widthHead,
  prefixes: {
    ...auglocalRepository.prefixes,
    bias: (_label, block) => `LB.${block}`,
    momentum: (_label, block) => `EMA_Net.${block}`,
  },
};

const hpffRepository: Naming = {
  unit: lastUnit,
  head: widthHead,
  prefixes: {
    'independent.classifier': (label) => `net_classifier_${label}.head`,
    classifier: (label) => `aux_classifier_${label}.head`,
    decoder: (label) => `aux_decoder_${label}.decoders`,
  },
};

const repositories: Readonly<Record<string, Naming>> = { man: manRepository, hpff: hpffRepository };

/** The names that a method's code has for a strategy's parameters: the backbone's, the head's, the auxiliary nets'. */
export function publishedNames(method: string, { network, partition }: Strategy): PublishedName {
  const naming = repositories[method] ?? auglocalRepository;
  return (name) => {
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
    const prefix = Object.keys(naming.prefixes).find((candidate) => rest.startsWith(`${candidate}.`));
    if (prefix === undefined) throw new Error(`no published name for ${name}`);
    return naming.prefixes[prefix]!(`${unit.stage}_${unit.index}`, block) + rest.slice(prefix.length);
  };
}
