import { z } from 'zod';
import { defaultBackground, type Colour, type Dataset } from '../data/dataset.js';
import { UserError } from '../core/errors.js';
import { holdsFloats } from '../data/split.js';

/** What a network was trained to read and to tell apart; in the file of its weights, so that no data set is needed. */
export interface NetworkUse extends Pick<Dataset, 'classes' | 'imageShape' | 'mean' | 'std'> {
  /** How image files become such images; undefined for weights of older versions. */
  readonly reading?: ImageReading | undefined;
  /** Whether images are floating-point numbers, as they are; default: bytes. */
  readonly values?: 'floats' | undefined;
}

/** How an image file becomes what a network was evaluated on. */
export interface ImageReading {
  /** Whether the middle is taken as ImageNet's evaluation does it, 224 of 256 pixels, or all of the shorter side. */
  readonly crop: 'resized' | 'padded';
  /** Zero pixels at each border. */
  readonly border: number;
  /** Behind transparent parts. */
  readonly background: Colour;
}

/** The use of a network that was trained on a data set. */
export function useOf(dataset: Dataset): NetworkUse {
  const { classes, imageShape, mean, std, augmentation, addedBorder = 0, background } = dataset;
  const use = { classes, imageShape, mean, std };
  // Of what is in no file.
  if (holdsFloats(dataset.train)) return { ...use, values: 'floats' };
  const reading = {
    crop: augmentation.crop.kind,
    border: addedBorder,
    background: background ?? defaultBackground,
  };
  return { ...use, reading };
}

/** The metadata of `weights.safetensors`: the format allows text alone. */
export function weightsMetadata({
  classes,
  imageShape,
  mean,
  std,
  reading,
  values,
}: NetworkUse): Record<string, string> {
  const use = { classes, imageShape, mean, std, ...(reading && { reading }), ...(values && { values }) };
  return Object.fromEntries(Object.entries(use).map(([key, value]) => [key, JSON.stringify(value)]));
}

const fromText = z.string().transform((text, context): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    context.addIssue({ code: 'custom', message: 'is not JSON' });
    return z.NEVER;
  }
});
const numbers = fromText.pipe(z.array(z.number()).min(1));
const colour = z.int().min(0).max(255);
const metadataSchema = z.object({
  classes: fromText.pipe(z.array(z.string()).min(1)),
  imageShape: fromText.pipe(z.tuple([z.int().min(1), z.int().min(1), z.int().min(1)])),
  mean: numbers,
  std: numbers,
  reading: fromText
    .pipe(
      z.strictObject({
        crop: z.enum(['resized', 'padded']),
        border: z.int().min(0),
        background: z.tuple([colour, colour, colour]),
      }),
    )
    .optional(),
  values: fromText.pipe(z.literal('floats')).optional(),
});

/**
 * Refuses images whose values are not of the kind that a network was trained on: its mean and deviation are of that.
 *
 * @param whose what has them, a part of a sentence
 * @param remedy what else can be done
 */
export function refuseOtherValues(
  { values }: NetworkUse,
  given: 'bytes' | 'floats',
  whose: string,
  remedy = '',
): void {
  if ((values ?? 'bytes') === given) return;
  const [own, other] =
    values === undefined ? ['bytes', 'floating-point numbers'] : ['floating-point numbers', 'bytes'];
  throw new UserError(`the network was trained on images of ${own}, and ${whose} ${other}${remedy}`);
}

/**
 * Reads it back.
 * @param path of the weights, for messages
 * @throws UserError if the weights' metadata does not say
 */
export function networkUseOf(metadata: Readonly<Record<string, string>>, path: string): NetworkUse {
  const use = metadataSchema.safeParse(metadata);
  if (use.success) return use.data;
  const { path: place, message } = use.error.issues[0]!;
  throw new UserError(
    `${path}: metadata ${place.map(String).join('.')}: ${message}; not written by "locallearn train"`,
  );
}
