import { z } from 'zod';
import { twoConvolutions } from './convolutional.js';
import type { Decoder } from './decoder.js';
import { hpffImagenet } from './hpff-imagenet.js';
import { manImagenet } from './man-imagenet.js';

const decoders = [twoConvolutions, manImagenet, hpffImagenet] as const;

/** The net that rebuilds the image. */
export const decoderOptions = {
  /** InfoPro's, or those of MAN's or HPFF's ImageNet code. */
  decoder: z.enum(decoders.map(({ name }) => name)).default('2c'),
  /** Width of the hidden layer of decoder 2c; 12 if not given. */
  decoderWidth: z.int().min(1).exactOptional(),
};

/** @throws UserError where the decoder has no width to choose */
export function decoderOf({ decoder, ...width }: z.output<z.ZodObject<typeof decoderOptions>>): Decoder {
  return decoders.find(({ name }) => name === decoder)!.build(width);
}
