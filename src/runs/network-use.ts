import { z } from 'zod';
import type { Dataset } from '../data/dataset.js';
import { UserError } from '../core/errors.js';

/** What a network was trained to read and to tell apart; in the file of its weights, so that no data set is needed. */
export type NetworkUse = Pick<Dataset, 'classes' | 'imageShape' | 'mean' | 'std'>;

/** The metadata of `weights.safetensors`: the format allows text alone. */
export function weightsMetadata({ classes, imageShape, mean, std }: NetworkUse): Record<string, string> {
  const use = { classes, imageShape, mean, std };
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
const metadataSchema = z.object({
  classes: fromText.pipe(z.array(z.string()).min(1)),
  imageShape: fromText.pipe(z.tuple([z.int().min(1), z.int().min(1), z.int().min(1)])),
  mean: numbers,
  std: numbers,
});

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
