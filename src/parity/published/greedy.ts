import { leadingUnits } from './leading-units.js';
import { publishedMethod } from './method.js';
import { auglocalNames } from './names.js';
import { noWeights } from './weights.js';

export const greedy = publishedMethod({
  name: 'greedy',
  settings: noWeights,
  names: auglocalNames,
  translate: (_settings, { K }, network) => ({ method: 'greedy', ...leadingUnits(network, K) }),
});
