import type { Decoder } from './decoder.js';
import { ofPublishedWidths, plannedDecoder, step } from './planned.js';

/**
 * The decoders of MAN's ImageNet code (Su et al. 2024), without their sigmoid. It has one for 1024 channels and one for
 * 512, which in its networks are maps of 1/16 and 1/8 of the image. Decided here: the choice is by the map's size, so
 * that every network has one; 1/16's serves smaller maps and 1/8's those up to 1/4; sizes are shares of the image, 224
 * as published.
 *
 * @throws UserError for maps larger than a quarter of the image
 */
export const manImagenetDecoder: Decoder = plannedDecoder('man-imagenet', [
  [16, [step(1, 192, 8), step(1, 64, 4), step(3, 32, 2), step(3, 12, 1)]],
  [4, [step(1, 128, 4), step(3, 32, 2), step(3, 12, 1)]],
]);

export const manImagenet = ofPublishedWidths('man-imagenet', manImagenetDecoder);
