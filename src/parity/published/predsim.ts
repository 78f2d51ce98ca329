import { z } from 'zod';
import { leadingUnits } from './leading-units.js';
import { publishedMethod } from './method.js';
import { auglocalNames } from './names.js';
import { weights } from './weights.js';

export const predsim = publishedMethod({
  name: 'predsim',
  settings: { ...weights, hidden_dim: z.int().exactOptional() },
  names: auglocalNames,
  translate: ({ hidden_dim: poolWidth, ...settings }, { K }, network) => ({
    method: 'predsim',
    ...leadingUnits(network, K),
    similarity: [settings.ixx_1, settings.ixx_2],
    classification: [settings.ixy_1, settings.ixy_2],
    ...(poolWidth === undefined ? {} : { poolWidth }),
  }),
});
