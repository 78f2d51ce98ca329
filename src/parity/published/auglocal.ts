import { z } from 'zod';
import { UserError } from '../../core/errors.js';
import { leadingUnits } from './leading-units.js';
import { publishedMethod } from './method.js';
import { auglocalNames } from './names.js';
import { noWeights } from './weights.js';

export const auglocal = publishedMethod({
  name: 'auglocal',
  settings: {
    ...noWeights,
    pyramid: z.boolean().exactOptional(),
    pyramid_coeff: z.number().exactOptional(),
  },
  names: auglocalNames,
  translate: ({ pyramid, pyramid_coeff: coefficient }, { K, depth }, network) => {
    if (pyramid && coefficient === undefined) throw new UserError('options.pyramid_coeff: missing');
    return {
      method: 'auglocal',
      ...(K === network.units.length ? { blocks: K } : leadingUnits(network, K - depth)),
      depth,
      pyramid: pyramid ? coefficient! : 0,
    };
  },
});
