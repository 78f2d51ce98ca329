import tf = require('@tensorflow/tfjs');
import { imageOf, type Site } from '../../site.js';
import type { AttachedLoss } from '../loss/loss.js';
import { quadrants, quarter } from './quadrants.js';

/**
 * The reconstruction of the whole image, and the mean losses of its quadrants summed. They are of one size, so the sum is
 * four times the mean over the image.
 *
 * @throws UserError where the image has an odd size
 */
export function summedQuadrants({ layers, loss }: AttachedLoss, { network }: Site): AttachedLoss {
  quarter(imageOf(network), 'images');
  return { layers, loss: (x, batch) => tf.mul(loss(x, batch), quadrants.length) };
}
