import { z } from 'zod';
import { publishedMethod } from './method.js';
import { lastUnit, namesByPrefix, widthHead } from './names.js';
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
      decoder: (label) => `aux_decoder_${label}.decoders`,
    },
  }),
  translate: (settings, { K }) => ({
    method: 'hpff',
    blocks: K,
    ...twoTermOptions(settings, '2c2f'),
    ...balancedOptions(settings),
    ...(settings.wx === undefined ? {} : { independentWeight: settings.wx }),
    ...(settings.wy === undefined ? {} : { cascadeWeight: settings.wy }),
  }),
  /** One through a cascade's and its second block's losses. */
  backwardCalls: (losses) =>
    Array.from({ length: losses.length / 2 }, (_, i) => losses[2 * i]! + losses[2 * i + 1]!),
});
