import { leadingUnits } from './leading-units.js';
import { publishedMethod } from './method.js';
import { auglocalNames } from './names.js';
import { noWeights } from './weights.js';

export const dgl = publishedMethod({
  name: 'dgl',
  settings: noWeights,
  names: auglocalNames,
  translate: (_settings, { K }, network) => ({ method: 'dgl', ...leadingUnits(network, K) }),
});
