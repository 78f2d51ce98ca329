import { z } from 'zod';
import type { Network } from '../../networks/network.js';
import { publishedMethod } from './method.js';
import { auglocalNaming, isImagenet, namesByPrefix, nextUnit, widthHead } from './names.js';
import { balancedOptions, balancedSetting, twoTermOptions, twoTermSettings } from './two-term.js';

/** But on ImageNet our first block is the stem, which the code does not number: its block k is ours k + 1. */
const numbered =
  (ofBlock: string, ofStem: string) =>
  (_label: string, block: number, network: Network): string => {
    if (isImagenet(network)) return `${ofBlock}.${block}`;
    return block === 0 ? ofStem : `${ofBlock}.${block - 1}`;
  };

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
  translate: (settings, { K }, network) => ({
    method: 'man-plus',
    blocks: K,
    ...twoTermOptions(settings, '2c2f'),
    ...(isImagenet(network) ? { decoder: 'man-imagenet' as const } : {}),
    ...balancedOptions(settings),
    momentum: settings.momentum,
  }),
});
