import { z } from 'zod';
import { contextNames } from '../../local/axes/context/context.js';
import { publishedMethod } from './method.js';
import { auglocalNames, type PublishedNames } from './names.js';
import { balancedOptions, balancedSetting, twoTermOptions, twoTermSettings } from './two-term.js';

/** AugLocal's, and by the number of the cut, the nets of the context behind it. */
const names: PublishedNames = (strategy) => {
  const others = auglocalNames(strategy);
  const cuts = strategy.partition.slice(1).map(([first]) => first);
  return (name) => {
    const match = /^context\.(.+)\.(?:image|earlier\.(\d+))\.(\d+\.\w+)$/.exec(name);
    if (match === null) return others(name);
    const [, unit, earlier, rest] = match;
    const cut = cuts.indexOf(unit);
    const net = earlier === undefined ? `encoder_${cut}` : `resencoder_${cut}_${earlier}`;
    return `cont_sup_node.${net}.encoder.${rest}`;
  };
};

export const contsup = publishedMethod({
  name: 'contsup',
  settings: {
    ...twoTermSettings,
    ...balancedSetting,
    context_mode: z.enum(['R0', ...contextNames]),
    /** Whether the loss has two terms: else the weights are there and not used. */
    h_reconstruct: z.boolean(),
  },
  names,
  translate: (settings, { K }) => {
    const { reconstruction, classification, ...others } = twoTermOptions(settings, '1c2f');
    return {
      method: 'contsup',
      blocks: K,
      context: settings.context_mode,
      ...others,
      ...(settings.h_reconstruct ? { reconstruction, classification } : {}),
      ...balancedOptions(settings),
    };
  },
});
