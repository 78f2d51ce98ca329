import type { Decoder } from './decoder.js';
import { ofPublishedWidths, plannedDecoder, step } from './planned.js';

/**
 * The decoders of HPFF's ImageNet code (Su et al. 2024), without their sigmoid, for maps of 56, 28 and 14 of 224: 1/4,
 * 1/8 and 1/16 of the image. (The last goes up to 112, down to 56 and up again, as published.) Decided here: 1/16's
 * serves smaller maps.
 *
 * @throws UserError for maps larger than a quarter of the image
 */
export const hpffImagenetDecoder: Decoder = plannedDecoder('hpff-imagenet', [
  [16, [step(1, 128, 2), step(3, 64, 4), step(3, 32, 2), step(3, 16, 1)]],
  [8, [step(1, 128, 4), step(3, 32, 2), step(3, 16, 1)]],
  [4, [step(1, 128, 2), step(3, 16, 1)]],
]);

export const hpffImagenet = ofPublishedWidths('hpff-imagenet', hpffImagenetDecoder);
