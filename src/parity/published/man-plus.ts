import { z } from 'zod';
import { publishedMethod } from './method.js';
import { auglocalNaming, namesByPrefix, nextUnit, widthHead } from './names.js';
import { balancedOptions, balancedSetting, twoTermOptions, twoTermSettings } from './two-term.js';

/** Our first block is the stem, which the code does not number: its block k is ours k + 1. */
const numbered =
  (ofBlock: string, ofStem: string) =>
  (_label: string, block: number): string =>
    block === 0 ? ofStem : `${ofBlock}.${block - 1}`;

export const manPlusNames = namesByPrefix({
  unit: (network, last) => (last.stage === 0 ? last : nextUnit(network, last)),
  head: widthHead,
  prefixes: {
    ...auglocalNaming.prefixes,
    bias: numbered('LB', 'LB_first'),
    momentum: numbered('EMA_Net', 'EMA_first'),
    scale: numbered('ema_s', 'ema_s_first'),
  },
});

export const manPlus = publishedMethod({
  name: 'man-plus',
  settings: { ...twoTermSettings, ...balancedSetting, momentum: z.number() },
  names: manPlusNames,
  translate: (settings, { K }) => ({
    method: 'man-plus',
    blocks: K,
    ...twoTermOptions(settings, '2c2f'),
    ...balancedOptions(settings),
    momentum: settings.momentum,
  }),
});
