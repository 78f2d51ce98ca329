import { z } from 'zod';
import { publishedMethod } from './method.js';
import { isImagenet, lastUnit, namesByPrefix, widthHead } from './names.js';
import { balancedOptions, balancedSetting, twoTermOptions, twoTermSettings } from './two-term.js';

export const hpff = publishedMethod({
  name: 'hpff',
  settings: {
    ...twoTermSettings,
    ...balancedSetting,
    wx: z.number().exactOptional(),
    wy: z.number().exactOptional(),
  },
  names: namesByPrefix({
    unit: lastUnit,
    head: widthHead,
    prefixes: {
      'independent.classifier': (label) => `net_classifier_${label}.head`,
      classifier: (label) => `aux_classifier_${label}.head`,
      // A decoder for each quadrant, but for ImageNet a single one.
      decoder: (label, _block, network) =>
        `aux_decoder_${label}.${isImagenet(network) ? 'decoder' : 'decoders'}`,
    },
  }),
  translate: (settings, { K }, network) => ({
    method: 'hpff',
    blocks: K,
    ...twoTermOptions(settings, '2c2f'),
    ...(isImagenet(network) ? { decoder: 'hpff-imagenet' as const, fusion: 'patch-sum' as const } : {}),
    ...balancedOptions(settings),
    ...(settings.wx === undefined ? {} : { independentWeight: settings.wx }),
    ...(settings.wy === undefined ? {} : { cascadeWeight: settings.wy }),
  }),
  /** One through a cascade's and its second block's losses, but for ImageNet there are cascades alone. */
  backwardCalls: (losses, network) =>
    isImagenet(network)
      ? losses
      : Array.from({ length: losses.length / 2 }, (_, i) => losses[2 * i]! + losses[2 * i + 1]!),
});
