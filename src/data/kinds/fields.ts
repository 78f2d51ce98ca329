import { join } from 'node:path';
import { z } from 'zod';
import { expandHome } from '../../core/home.js';

export const path = z
  .string()
  .min(1)
  .regex(/^\P{Cc}+$/u, 'must be a path on one line')
  .transform(expandHome);

/** The folder that holds the files. */
export const dirOf = (name: string) => path.default(join('datasets', name));

const side = z.int().min(1).max(4096);
/** The side of square images, or height and width, that images are brought to. */
export const imageSize = z
  .union([side, z.tuple([side, side])], {
    error: 'must be a whole number 1 to 4096, or a list of two: [height, width]',
  })
  .default(224);

const byte = z.int().min(0).max(255);
/** What shows through the transparent parts of images: red, green and blue; default: white. */
export const background = z
  .tuple([byte, byte, byte], { error: 'must be a list of three whole numbers 0 to 255: [red, green, blue]' })
  .exactOptional();
