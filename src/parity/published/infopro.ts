import { leadingUnits } from './leading-units.js';
import { publishedMethod } from './method.js';
import { auglocalNames } from './names.js';
import { twoTermOptions, twoTermSettings } from './two-term.js';

export const infopro = publishedMethod({
  name: 'infopro',
  settings: twoTermSettings,
  names: auglocalNames,
  translate: (settings, { K }, network) => {
    const options = twoTermOptions(settings, '1c2f');
    // The code calls its own net so.
    const auxiliary = options.auxiliary === 'InfoPro' ? '1c2f' : options.auxiliary;
    return { method: 'infopro', ...leadingUnits(network, K), ...options, auxiliary };
  },
});
