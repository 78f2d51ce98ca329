import { z } from 'zod';
import { imageShapeSchema, numbersSchema, sizeSchema } from '../core/given.js';

/** Values of images, as an engine takes them. */
export const valuesSchema = z.union([z.instanceof(Uint8Array), z.instanceof(Float32Array)], {
  error: 'must be a Uint8Array, pixel values 0 to 255, or a Float32Array, values that are used as they are',
});

/** Class indices. */
export const labelsSchema = z.custom<ArrayLike<number>>(
  (value) => typeof value === 'object' && value !== null && 'length' in value,
  'must be a list of class indices',
);

const splitOf = (size: z.ZodInt) =>
  z.union(
    [
      z.object({ size, labels: z.instanceof(Uint16Array), images: valuesSchema }),
      z.object({ size, labels: z.instanceof(Uint16Array), paths: z.object({}) }),
    ],
    { error: 'must be a split of images' },
  );

/** Images of one split. */
export const splitSchema = splitOf(sizeSchema);

/** What data sets look like, for programs and plugins that no type checker has seen. */
export const datasetSchema = z
  .object({
    name: z.string(),
    classes: z.array(z.string()).min(2),
    imageShape: imageShapeSchema,
    mean: numbersSchema,
    std: numbersSchema.refine((all) => all.every((each) => each > 0), 'must be above 0'),
    train: splitSchema,
    // Of none where images are held out of those to train on.
    test: splitOf(z.int().min(0)).optional(),
    augmentation: z.object({ crop: z.object({ kind: z.string() }), flip: z.boolean() }),
  })
  .superRefine(({ classes, imageShape, train, test, ...normalisation }, context) => {
    const refuse = (path: readonly string[], message: string): void =>
      context.addIssue({ code: 'custom', path: [...path], message });
    const [height, width, channels] = imageShape;
    for (const key of ['mean', 'std'] as const) {
      const { length } = normalisation[key];
      if (length !== channels)
        refuse([key], `must be ${channels} numbers, one for each channel, not ${length}`);
    }
    for (const [which, split] of Object.entries({ train, test })) {
      if (split === undefined) continue;
      const { size, labels } = split;
      if (labels.length !== size) refuse([which, 'labels'], `must be ${size}, not ${labels.length}`);
      const odd = labels.findIndex((label) => label >= classes.length);
      if (odd >= 0)
        refuse(
          [which, 'labels', String(odd)],
          `must be below ${classes.length}, the number of classes, not ${labels[odd]}`,
        );
      const values = size * height * width * channels;
      if ('images' in split && split.images.length !== values)
        refuse(
          [which, 'images'],
          `must be ${values} values, ${size} images of ${imageShape.join('×')}, not ${split.images.length}`,
        );
    }
  });
