import { UserError } from '../core/errors.js';
import { randomStream } from '../core/random.js';
import { overrideAugmentation } from './augment/options.js';
import type { Augmentation, Dataset, Split } from './dataset.js';
import { countCsvClasses, readCsvList } from './files/csv.js';
import type { FileImages } from './files/file-images.js';
import { countFolderClasses, scanFolder } from './files/folder.js';
import { countImagenetClasses, scanImagenet } from './files/imagenet.js';
import { IMAGENET_CLASSES } from './files/imagenet-synsets.js';
import type { ScanProgress } from './files/scan.js';
import { missingAt } from '../core/shown.js';
import { loadCifar10, loadCifar100 } from './kinds/cifar.js';
import { loadFashionMnist } from './kinds/fashion-mnist.js';
import { loadStl10 } from './kinds/stl10.js';
import { loadSvhn } from './kinds/svhn.js';
import { identityOf } from './identity.js';
import { dataOptionsSchema, type DataOptions, type DataOptionsInput } from './options.js';
import { exists } from '../core/read.js';
import { holdOut, stratifiedSubset } from './split.js';

type ImageShape = Dataset['imageShape'];
/** A data set as its files have it; `test` is missing where it was not asked for. */
type Source = Omit<Dataset, 'test'> & { readonly test: Split | undefined };

/** Of ImageNet's training images, as torchvision's models take them. */
const IMAGENET_MEAN = [0.485, 0.456, 0.406] as const;
const IMAGENET_STD = [0.229, 0.224, 0.225] as const;
/** The averages of the three channels. */
const GREY_MEAN = [0.449] as const;
const GREY_STD = [0.226] as const;

/** Szegedy et al. 2015, as usual for ImageNet. */
const RESIZED_CROP: Augmentation = {
  crop: { kind: 'resized', scale: [0.08, 1], ratio: [3 / 4, 4 / 3] },
  flip: true,
};

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
): Promise<Dataset> {
  const options = parseOptions(input);
  const source = await read(options, progress);
  const dataset = withEvaluation(source, options, seed);
  const { trainImages, testImages } = options;
  return {
    ...dataset,
    identity: identityOf(source),
    augmentation: overrideAugmentation(dataset.augmentation, options.augmentation),
    onBadImage: options.onBadImage,
    ...('background' in options && { background: options.background }),
    train: select(dataset, 'train', trainImages, seed),
    test: select(dataset, 'test', testImages, seed),
  };
}

/**
 * What a network has to know of a data set. The official ones need no file for it; a folder's or a list's classes are
 * counted, and so are those of an ImageNet that is there.
 * @throws UserError for options that are not allowed, and a folder or list that is missing or wrong
 */
export async function describeDataset(
  input: DataOptionsInput,
): Promise<{ classes: number; imageShape: ImageShape }> {
  const options = parseOptions(input);
  switch (options.name) {
    case 'fashion-mnist':
      return { classes: 10, imageShape: [32, 32, 1] };
    case 'cifar10':
    case 'svhn':
      return { classes: 10, imageShape: [32, 32, 3] };
    case 'cifar100':
      return { classes: 100, imageShape: [32, 32, 3] };
    case 'stl10':
      return { classes: 10, imageShape: [96, 96, 3] };
    case 'imagenet':
      return { classes: await countImagenetClasses(options.dir), imageShape: shapeOf(options.imageSize, 3) };
    case 'folder':
      return {
        classes: await countFolderClasses(options.dir),
        imageShape: shapeOf(options.imageSize, options.channels),
      };
    case 'csv':
      return {
        classes: await countCsvClasses(options.file),
        imageShape: shapeOf(options.imageSize, options.channels),
      };
  }
}

/** For callers of the library; a config has been checked with the same schema before. */
function parseOptions(input: DataOptionsInput): DataOptions {
  const result = dataOptionsSchema.safeParse(input);
  if (result.success) return result.data;
  const { path, message } = result.error.issues[0]!;
  throw new UserError(`data options: ${path.length > 0 ? `${path.map(String).join('.')}: ` : ''}${message}`);
}

async function read(options: DataOptions, progress?: ScanProgress): Promise<Source> {
  const withTest = options.validation === undefined;
  await checkFetched(options);
  switch (options.name) {
    case 'fashion-mnist':
      return loadFashionMnist(options.dir);
    case 'cifar10':
      return loadCifar10(options.dir);
    case 'cifar100':
      return loadCifar100(options.dir);
    case 'svhn':
      return loadSvhn(options.dir, { extra: options.extra });
    case 'stl10':
      return loadStl10(options.dir);
    case 'imagenet': {
      const images = await scanImagenet({ dir: options.dir, withTest }, progress);
      const { length } = images.classes;
      const name = length === IMAGENET_CLASSES ? 'imagenet' : `imagenet (${length} of its classes)`;
      return fromFiles(name, images, { ...options, channels: 3 });
    }
    case 'folder': {
      const { dir, evaluateOn } = options;
      return fromFiles(`folder ${dir}`, await scanFolder({ dir, withTest, evaluateOn }, progress), options);
    }
    case 'csv': {
      const { file, dir, evaluateOn } = options;
      return fromFiles(
        `csv ${file}`,
        await readCsvList({ file, dir, withTest, evaluateOn }, progress),
        options,
      );
    }
  }
}

/** A set that can be downloaded and of which nothing is there: the command that gets it is what helps. */
async function checkFetched({ name, dir }: DataOptions): Promise<void> {
  const own = name === 'folder' || name === 'csv';
  if (own || name === 'imagenet' || dir === undefined || (await exists(dir))) return;
  throw new UserError(
    `${missingAt(dir)}: get it with "locallearn data fetch ${name}", or say with data.dir where it is`,
  );
}

function fromFiles(
  name: string,
  images: FileImages,
  options: {
    readonly imageSize: number | readonly [number, number];
    readonly channels: 1 | 3;
    readonly mean?: readonly number[];
    readonly std?: readonly number[];
  },
): Source {
  const { imageSize, channels } = options;
  return {
    ...images,
    name,
    imageShape: shapeOf(imageSize, channels),
    mean: options.mean ?? (channels === 1 ? GREY_MEAN : IMAGENET_MEAN),
    std: options.std ?? (channels === 1 ? GREY_STD : IMAGENET_STD),
    augmentation: RESIZED_CROP,
  };
}

function shapeOf(imageSize: number | readonly [number, number], channels: number): ImageShape {
  const [height, width] = typeof imageSize === 'number' ? [imageSize, imageSize] : imageSize;
  return [height, width, channels];
}

/** With `validation`, held-out training images take the place of the test split, and the name says so. */
function withEvaluation(source: Source, { validation }: DataOptions, seed: number): Dataset {
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
