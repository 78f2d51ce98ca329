import { tellFormerName, withNewNames } from '../core/former-names.js';
import { entryOf } from '../core/own-entry.js';
import type { Network } from './network.js';

/** Options of networks that had another name in the release before. */
export const formerOptions = { depth: 'layers' };

/** What a network is built for, its layers under their name of today. */
export function withLayers<Options>(name: string, options: Options): Options {
  if (entryOf(options, 'depth') === undefined) return options;
  return withNewNames(options as object, formerOptions, `${name}()`) as Options;
}

/** A network's `buildUnit`, also of one that a program or a plugin gives it as `buildBlock`, as it was called. */
export function unitBuilderOf(network: Network): Network['buildUnit'] {
  const { buildBlock } = network as { readonly buildBlock?: Network['buildUnit'] };
  if ((network.buildUnit as unknown) !== undefined || buildBlock === undefined) {
    return (scope, options) => network.buildUnit(scope, options);
  }
  tellFormerName(`network ${network.name}`, 'buildBlock', 'buildUnit');
  return (scope, options) => buildBlock.call(network, scope, options);
}
