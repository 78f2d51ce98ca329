import { z } from 'zod';
import { buildChosen, type Chosen } from '../core/choice.js';
import { UserError } from '../core/errors.js';
import { checkGiven, functionSchema } from '../core/given.js';
import { randomStream } from '../core/random.js';
import { check, formatPath } from '../core/schema-problems.js';
import { outOfMemoryIn } from '../engine/out-of-memory.js';
import { overrideAugmentation } from './augment/options.js';
import type { Dataset, Split } from './dataset.js';
import type { ScanProgress } from './files/scan.js';
import { identityOf } from './identity.js';
import type { DatasetKind, DatasetShape, DatasetSource, SourceData } from './kind.js';
import { builtInDatasets } from './kinds/built-in.js';
import {
  commonDataKeys,
  dataOptionsSchema,
  dataSchema,
  type DataOptions,
  type DataOptionsInput,
} from './options.js';
import { holdOut, stratifiedSubset } from './split.js';

const kindsSchema = z.array(z.object({ name: z.string(), build: functionSchema })).min(1);

/**
 * Reads a data set: images of one size whole, of image files only the paths. With `validation`, that share of each
 * class's training images takes the place of the test split. What is held out or selected (`trainImages`, `testImages`)
 * depends on the seed alone; a smaller selection is the beginning of a larger one; a split used whole stays in its
 * files' order.
 * @param progress called now and then while many files are looked for
 * @throws UserError for options that are not allowed, files that are missing or wrong, or more images than there are
 */
export async function loadDataset(
  input: DataOptionsInput,
  seed: number,
  progress?: ScanProgress,
): Promise<Dataset>;
/**
 * The same of data sets that plugins or the caller define.
 * @param kinds the data sets that there are
 */
export async function loadDataset(
  input: Chosen,
  seed: number,
  progress: ScanProgress | undefined,
  kinds: readonly DatasetKind[],
): Promise<Dataset>;
export async function loadDataset(
  input: Chosen,
  seed: number,
  progress?: ScanProgress,
  kinds: readonly DatasetKind[] = builtInDatasets,
): Promise<Dataset> {
  checkGiven('loadDataset', { seed: z.int(), kinds: kindsSchema }, { seed, kinds });
  const options = parseOptions(input, kinds);
  try {
    return await readDataset(options, seed, progress, kinds);
  } catch (error) {
    throw outOfMemoryIn(`reading ${options.name}`, 'free memory on this machine', error);
  }
}

async function readDataset(
  options: DataOptions,
  seed: number,
  progress: ScanProgress | undefined,
  kinds: readonly DatasetKind[],
): Promise<Dataset> {
  const withTest = options.validation === undefined;
  const source = await sourceOf(options, kinds).read({ withTest, progress });
  const dataset = withEvaluation(source, options, seed);
  const { trainImages, testImages } = options;
  return {
    ...dataset,
    identity: identityOf(source),
    augmentation: overrideAugmentation(dataset.augmentation, options.augmentation),
    onBadImage: options.onBadImage,
    train: select(dataset, 'train', trainImages, seed),
    test: select(dataset, 'test', testImages, seed),
  };
}

/**
 * What a network has to know of a data set. The official ones need no file for it; a folder's or a list's classes are
 * counted, and so are those of an ImageNet that is there; one of one's own may have to be read.
 * @param kinds the data sets that there are
 * @throws UserError for options that are not allowed, and a folder or list that is missing or wrong
 */
export async function describeDataset(
  input: DataOptionsInput | Chosen,
  kinds: readonly DatasetKind[] = builtInDatasets,
): Promise<DatasetShape> {
  checkGiven('describeDataset', { kinds: kindsSchema }, { kinds });
  const options = parseOptions(input, kinds);
  const source = sourceOf(options, kinds);
  if (source.describe) return source.describe();
  const { classes, imageShape } = await source.read({ withTest: options.validation === undefined });
  return { classes: classes.length, imageShape };
}

/** Where the images of validated options come from. */
export function sourceOf(options: DataOptions, kinds: readonly DatasetKind[]): DatasetSource {
  const own = Object.entries(options).filter(([key]) => !commonDataKeys.includes(key));
  return buildChosen(kinds, Object.fromEntries(own) as Chosen);
}

/** For callers of the library; a config has been checked with the same schema before. */
function parseOptions(input: Chosen, kinds: readonly DatasetKind[]): DataOptions {
  const schema = kinds === builtInDatasets ? dataOptionsSchema : dataSchema(kinds);
  const result = check(schema, input);
  if ('value' in result) return result.value;
  const { path, message } = result.problems[0]!;
  throw new UserError(['data options', formatPath(path), message].filter((part) => part !== '').join(': '));
}

/** With `validation`, held-out training images take the place of the test split, and the name says so. */
function withEvaluation(source: SourceData, { validation }: DataOptions, seed: number): Dataset {
  const { test } = source;
  if (validation === undefined) {
    if (!test) throw new Error(`${source.name} has been read without its test split`);
    return { ...source, test };
  }
  const random = randomStream(seed, 'data', 'validation');
  const { kept, heldOut } = holdOut(source.train, source.classes.length, validation, random);
  if (heldOut.size === 0) {
    throw new UserError(`data.validation: no class of ${source.name} has more than one training image`);
  }
  return {
    ...source,
    name: `${source.name}, evaluated on ${heldOut.size} held-out training images`,
    train: kept,
    test: heldOut,
    evaluatedOn: 'validation',
  };
}

function select(dataset: Dataset, which: 'train' | 'test', count: number | undefined, seed: number): Split {
  const split = dataset[which];
  if (count === undefined || count === split.size) return split;
  if (count > split.size) {
    const images = which === 'test' && dataset.evaluatedOn === 'validation' ? 'validation' : which;
    throw new UserError(
      `${which}Images: expected a whole number from 1 to ${split.size}, the ${images} images of ${dataset.name}, found ${count}`,
    );
  }
  return stratifiedSubset(split, dataset.classes.length, count, randomStream(seed, 'data', 'select', which));
}
