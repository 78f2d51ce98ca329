import { publishedWidths } from '../auxiliary/convolutional.js';
import { classification } from './classification.js';
import { supervisedContrast } from './contrast.js';
import { crossEntropy } from './cross-entropy.js';
import type { LocalLoss } from './loss.js';

/** What compares an auxiliary net's outputs with the labels. */
export type LabelLoss = 'cross-entropy' | 'contrast';

/**
 * Cross-entropy of the auxiliary net's logits, or supervised contrast of its outputs as features.
 *
 * @param width of the features that a contrast compares; 128 as in InfoPro if not given
 */
export function labels(loss: LabelLoss, width = publishedWidths.features): LocalLoss {
  if (loss === 'cross-entropy') return classification(crossEntropy);
  return classification(supervisedContrast, width, (batch) => batch.hardLabels());
}
