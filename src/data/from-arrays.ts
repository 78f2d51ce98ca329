import { z } from 'zod';
import { UserError } from '../core/errors.js';
import { checkGiven } from '../core/given.js';
import { shown } from '../core/shown.js';
import type { Dataset, MemorySplit, PixelValues } from './dataset.js';
import { checkClassCount } from './files/file-split-builder.js';
import { labelsSchema } from './forms.js';
import { digest } from './identity.js';
import { farthestNormalised } from './normalised-range.js';
import { holdsFloats, sharedBytes, sharedFloats, sharedLabels } from './split.js';

/** Images of one split, as plain arrays. */
export interface ImageArrays {
  /** `[n, height, width, channels]`, row-major: bytes, 0…255, or floating-point numbers, which are used as they are. */
  readonly images: Uint8Array | Uint8ClampedArray | Float32Array;
  /** Class indices, `[n]`. */
  readonly labels: ArrayLike<number>;
}

/** A data set as plain arrays. */
export interface DatasetArrays {
  /** In tables and messages. */
  readonly name: string;
  /** Their names, in the order of the class indices. */
  readonly classes: readonly string[];
  /** Any height, width and number of channels. */
  readonly imageShape: readonly [height: number, width: number, channels: number];
  /**
   * Per channel, what images are normalised with: (value − mean) / std. Of bytes, scaled to 0…1 before, it must be given;
   * of floating-point numbers it is of the values as they are, by default 0 and 1, which changes nothing.
   */
  readonly mean?: readonly number[];
  readonly std?: readonly number[];
  readonly train: ImageArrays;
  readonly test: ImageArrays;
}

// What the numbers are worth is looked at below, where more is known of them.
const imagesForm = z.object({ images: z.unknown(), labels: labelsSchema });
const numbersForm = z.array(z.custom((value) => typeof value === 'number', 'must be a number'));

const forms = {
  arrays: z.object({
    name: z.string(),
    classes: z.array(z.string()),
    imageShape: numbersForm,
    mean: numbersForm.optional(),
    std: numbersForm.optional(),
    train: imagesForm,
    test: imagesForm,
  }),
};

/**
 * A data set of images that are in memory already; they are copied. Training images are not varied unless a config's
 * `data.augmentation`, or `{ ...dataset, augmentation }`, says so.
 *
 * @returns what `train` takes, and what `read` of `defineDataset` may return
 * @throws UserError where arrays, shape, classes and statistics do not fit each other
 */
export function datasetFromArrays(arrays: DatasetArrays): Dataset {
  checkGiven('datasetFromArrays', forms, { arrays });
  const { name, classes, imageShape } = arrays;
  checkClassCount(shown(name), classes.length, 'names');
  const twin = classes.find((label, i) => classes.indexOf(label) < i);
  if (twin !== undefined) throw new UserError(`${shown(name)}: the class ${shown(twin)} is there twice`);
  checkShape(arrays);
  const [train, test] = [splitOf(arrays, 'train'), splitOf(arrays, 'test')];
  if (holdsFloats(train) !== holdsFloats(test)) {
    throw new UserError(
      `${shown(name)}: images of train and test: expected the same kind of both, bytes or floating-point numbers`,
    );
  }
  const normalization = normalisation(arrays, holdsFloats(train));
  for (const [which, split] of Object.entries({ train, test })) {
    const farthest = farthestNormalised(split, normalization);
    if (Number.isFinite(Math.fround(farthest))) continue;
    throw new UserError(
      `${shown(name)}: ${which}: images: normalised, (value − mean) / std, they go up to ${farthest.toPrecision(3)}, more than numbers of 32 bits can be: give the mean and std of their values, or scale them`,
    );
  }
  return {
    ...{ name, classes, imageShape, train, test },
    ...normalization,
    augmentation: { crop: { kind: 'padded', pad: 0, padMode: 'zero' }, flip: false },
  };
}

function checkShape({ name, imageShape }: DatasetArrays): void {
  const whole = imageShape.every((side) => Number.isInteger(side) && side >= 1);
  if (imageShape.length === 3 && whole) return;
  throw new UserError(
    `${shown(name)}: imageShape: expected [height, width, channels], whole numbers from 1, found ${shown(imageShape.join(', '))}`,
  );
}

/** Bytes have to have one, as none does for all: what is right for floating-point numbers is dark and flat for them. */
function normalisation(arrays: DatasetArrays, floats: boolean): Pick<Dataset, 'mean' | 'std'> {
  const { name, imageShape } = arrays;
  const [, , channels] = imageShape;
  const of = (key: 'mean' | 'std', plain: number, fits: (value: number) => boolean): readonly number[] => {
    const values = arrays[key] ?? (floats ? new Array<number>(channels).fill(plain) : []);
    if (values.length === channels && values.every((value) => fits(value))) return values;
    throw new UserError(
      `${shown(name)}: ${key}: expected ${channels} numbers${key === 'std' ? ' above 0' : ''}, one for each channel, of ${floats ? 'the values as they are' : 'pixel values scaled to 0…1'}, found ${shown(values.join(', ')) || 'none'}`,
    );
  };
  const most = floats ? Number.MAX_VALUE : 1;
  const least = floats ? -Number.MAX_VALUE : 0;
  return {
    mean: of('mean', 0, (value) => value >= least && value <= most),
    std: of('std', 1, (value) => value > 0 && value <= most),
  };
}

/** Throws a UserError that names the first value of images, `length` of each, that is no finite number. */
export function refuseNotFinite(images: PixelValues, length: number, where: string): void {
  if (images instanceof Uint8Array) return;
  const at = images.findIndex((value) => !Number.isFinite(value));
  if (at < 0) return;
  const image = Math.floor(at / length);
  throw new UserError(
    `${where}: images: image ${image}: value ${at - image * length} is ${images[at]}, and must be a finite number`,
  );
}

function splitOf(
  { name, classes, imageShape, ...splits }: DatasetArrays,
  which: 'train' | 'test',
): MemorySplit {
  const { images, labels } = splits[which];
  const where = `${shown(name)}: ${which}`;
  const bytes = images instanceof Uint8Array || images instanceof Uint8ClampedArray;
  if (!bytes && !(images instanceof Float32Array)) {
    throw new UserError(
      `${where}: images: expected a Uint8Array, pixel values 0 to 255, or a Float32Array, values that are used as they are`,
    );
  }
  const size = labels.length;
  if (size === 0) throw new UserError(`${where}: labels: there are none`);
  const length = imageShape.reduce((product, side) => product * side, 1);
  if (images.length !== size * length) {
    throw new UserError(
      `${where}: images: expected ${size * length} values, ${size} images of ${imageShape.join('×')}, as there are labels, found ${images.length}`,
    );
  }
  const own: PixelValues = bytes ? sharedBytes(images.length) : sharedFloats(images.length);
  own.set(images);
  refuseNotFinite(own, length, where);
  const ownLabels = sharedLabels(size);
  for (let i = 0; i < size; i++) {
    const label = labels[i]!;
    if (!Number.isInteger(label) || label < 0 || label >= classes.length) {
      throw new UserError(`${where}: label ${i}: expected 0 to ${classes.length - 1}, found ${label}`);
    }
    ownLabels[i] = label;
  }
  return { kind: 'memory', size, images: own, labels: ownLabels, sha256: digest(own) };
}
