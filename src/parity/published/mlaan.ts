import { z } from 'zod';
import { publishedMethod, type PublishedMethod } from './method.js';
import { lastUnit, namesByPrefix, widthHead } from './names.js';
import { auxiliarySettings } from './two-term.js';
import { unreadWeights } from './weights.js';

/** MLAAN's CIFAR program, which takes InfoPro's settings too and does not read them. */
function program(name: string, momentumUpdates: 'published' | 'every'): PublishedMethod {
  return publishedMethod({
    name,
    settings: {
      ...unreadWeights,
      ...auxiliarySettings,
      /** What the program calls K: the number of blocks. */
      local_module_num: z.int().exactOptional(),
      momentum: z.number(),
      wx: z.number().exactOptional(),
      wy: z.number().exactOptional(),
    },
    names: namesByPrefix({
      unit: lastUnit,
      head: widthHead,
      prefixes: {
        'independent.classifier.2': (label) => `net_classifier_${label}.fc`,
        // On ImageNet's ResNet-34 behind two convolutions, of 64 and 128 channels.
        'independent.classifier.8': (label) => `net_classifier_${label}.fc`,
        'independent.classifier': (label) => `net_classifier_${label}.head`,
        'classifier.2': (label, block) => `aux_classifier_${label}_${block}.fc`,
        chain: (_label, block) => `Aug_Net.${block}`,
        momentum: (_label, block) => `EMA_Net.${block}.0`,
      },
    }),
    translate: ({ momentum, wx, wy }, { K }) => ({
      method: 'mlaan',
      blocks: K,
      momentum,
      momentumUpdates,
      ...(wx === undefined ? {} : { independentWeight: wx }),
      ...(wy === undefined ? {} : { cascadeWeight: wy }),
    }),
    /** One through a cascade's and its last block's losses; the head has its cascade's alone. */
    backwardCalls: (losses) =>
      Array.from({ length: Math.ceil(losses.length / 2) }, (_, i) =>
        losses.slice(2 * i, 2 * i + 2).reduce((sum, loss) => sum + loss),
      ),
  });
}

export const mlaan = program('mlaan', 'published');

/** The same, changed so that every momentum net is updated. */
export const mlaanAllEma = program('mlaan-all-ema', 'every');
