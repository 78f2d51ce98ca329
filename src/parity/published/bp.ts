import { publishedMethod } from './method.js';
import { auglocalNames } from './names.js';
import { unreadWeights } from './weights.js';

export const bp = publishedMethod({
  name: 'bp',
  settings: unreadWeights,
  names: auglocalNames,
  translate: () => ({ method: 'bp' }),
});
