import { z } from 'zod';
import { publishedMethod } from './method.js';
import { auglocalNaming, isImagenet, namesByPrefix, nextUnit, widthHead } from './names.js';
import { balancedOptions, balancedSetting, twoTermOptions, twoTermSettings } from './two-term.js';

export const man = publishedMethod({
  name: 'man',
  settings: { ...twoTermSettings, ...balancedSetting, momentum: z.number() },
  names: namesByPrefix({
    unit: nextUnit,
    head: widthHead,
    prefixes: {
      ...auglocalNaming.prefixes,
      bias: (_label, block) => `LB.${block}`,
      momentum: (_label, block) => `EMA_Net.${block}`,
    },
  }),
  translate: (settings, { K }, network) => ({
    method: 'man',
    blocks: K,
    ...twoTermOptions(settings, '2c2f'),
    ...(isImagenet(network) ? { decoder: 'man-imagenet' as const } : {}),
    ...balancedOptions(settings),
    ramp: 'stages',
    momentum: settings.momentum,
  }),
});
