import { z } from 'zod';
import { convolutionalWidths } from '../auxiliary/convolutional.js';
import { noOptions } from '../../../core/choice.js';
import { labels } from './classification.js';
import { defineLoss } from './loss.js';
import { rebuilt } from './reconstruction.js';
import { similar } from './similarity.js';

const crossEntropy = defineLoss({
  name: 'cross-entropy',
  options: noOptions,
  build: () => labels('cross-entropy'),
});

const contrast = defineLoss({
  name: 'contrast',
  options: z.strictObject({ featureWidth: convolutionalWidths.featureWidth }),
  build: ({ featureWidth }) => labels('contrast', featureWidth),
});

/** The losses that there are without plugins. */
export const builtInLosses = [crossEntropy, contrast, rebuilt, similar];
