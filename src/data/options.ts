import { z } from 'zod';
import { namedOptionsSchema, type ChosenInputOf } from '../core/choice.js';
import { augmentationSchema } from './augment/options.js';
import type { DatasetKind } from './kind.js';
import { builtInDatasets, officialDatasets } from './kinds/built-in.js';

/** What every data set has beside its own options. */
const commonSchema = z.strictObject({
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
});

type Common = z.output<typeof commonSchema>;
type CommonInput = z.input<typeof commonSchema>;

/** The names of the options that every data set has. */
export const commonDataKeys: readonly string[] = Object.keys(commonSchema.shape);

/** The `data` section of a config, validated, defaults filled in: a data set's own options, and what all have. */
export type DataOptions = Common & { readonly name: string; readonly [option: string]: unknown };
/** A built-in data set as a person writes it. */
export type DataOptionsInput = ChosenInputOf<(typeof builtInDatasets)[number]> & CommonInput;

/** The `data` section of a config with these data sets. */
export function dataSchema(kinds: readonly DatasetKind[]): z.ZodType<DataOptions> {
  return namedOptionsSchema(kinds, commonSchema.shape) as unknown as z.ZodType<DataOptions>;
}

/** The `data` section of a config without plugins. */
export const dataOptionsSchema = dataSchema(builtInDatasets) as unknown as z.ZodType<
  DataOptions,
  DataOptionsInput
>;

/** Data sets with files of a known form in a known place. */
export type OfficialName = (typeof officialDatasets)[number]['name'];
export const officialNames: readonly OfficialName[] = officialDatasets.map(({ name }) => name);
