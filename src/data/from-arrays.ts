import { UserError } from '../core/errors.js';
import { shown } from '../core/shown.js';
import type { Dataset, MemorySplit } from './dataset.js';
import { checkClassCount } from './files/file-split-builder.js';
import { emptySplit } from './split.js';

/** Images of one split, as plain arrays. */
export interface ImageArrays {
  /** `[n, height, width, channels]`, row-major, 0…255. */
  readonly images: Uint8Array | Uint8ClampedArray;
  /** Class indices, `[n]`. */
  readonly labels: ArrayLike<number>;
}

/** A data set as plain arrays. */
export interface DatasetArrays {
  /** In tables and messages. */
  readonly name: string;
  /** Their names, in the order of the class indices. */
  readonly classes: readonly string[];
  /** Three channels: red, green and blue; one: grey. */
  readonly imageShape: readonly [height: number, width: number, channels: number];
  /** Per channel, of pixel values scaled to 0…1: what images are normalised with. */
  readonly mean: readonly number[];
  readonly std: readonly number[];
  readonly train: ImageArrays;
  readonly test: ImageArrays;
}

/**
 * A data set of images that are in memory already; they are copied. Training images are not varied unless a config's
 * `data.augmentation`, or `{ ...dataset, augmentation }`, says so.
 *
 * @returns what `train` takes, and what `read` of `defineDataset` may return
 * @throws UserError where arrays, shape, classes and statistics do not fit each other
 */
export function datasetFromArrays(arrays: DatasetArrays): Dataset {
  const { name, classes, imageShape, mean, std } = arrays;
  checkClassCount(shown(name), classes.length, 'names');
  const twin = classes.find((label, i) => classes.indexOf(label) < i);
  if (twin !== undefined) throw new UserError(`${shown(name)}: the class ${shown(twin)} is there twice`);
  checkShape(arrays);
  for (const [key, values, fits] of [
    ['mean', mean, (value: number) => value >= 0 && value <= 1],
    ['std', std, (value: number) => value > 0 && value <= 1],
  ] as const) {
    if (values.length !== imageShape[2] || !values.every(fits)) {
      throw new UserError(
        `${shown(name)}: ${key}: expected ${imageShape[2]} numbers, one for each channel, of pixel values scaled to 0…1, found ${shown(values.join(', '))}`,
      );
    }
  }
  return {
    ...{ name, classes, imageShape, mean, std },
    train: splitOf(arrays, 'train'),
    test: splitOf(arrays, 'test'),
    augmentation: { crop: { kind: 'padded', pad: 0, padMode: 'zero' }, flip: false },
  };
}

function checkShape({ name, imageShape }: DatasetArrays): void {
  const [, , channels] = imageShape;
  const whole = imageShape.every((side) => Number.isInteger(side) && side >= 1);
  if (imageShape.length === 3 && whole && (channels === 1 || channels === 3)) return;
  throw new UserError(
    `${shown(name)}: imageShape: expected [height, width, channels] with 1 or 3 channels, found ${shown(imageShape.join(', '))}`,
  );
}

function splitOf(
  { name, classes, imageShape, ...splits }: DatasetArrays,
  which: 'train' | 'test',
): MemorySplit {
  const { images, labels } = splits[which];
  const where = `${shown(name)}: ${which}`;
  if (!(images instanceof Uint8Array || images instanceof Uint8ClampedArray)) {
    throw new UserError(`${where}: images: expected a Uint8Array, pixel values 0 to 255`);
  }
  const size = labels.length;
  if (size === 0) throw new UserError(`${where}: labels: there are none`);
  const imageBytes = imageShape.reduce((product, side) => product * side, 1);
  if (images.length !== size * imageBytes) {
    throw new UserError(
      `${where}: images: expected ${size * imageBytes} values, ${size} images of ${imageShape.join('×')}, as there are labels, found ${images.length}`,
    );
  }
  const split = emptySplit(size, imageBytes);
  split.images.set(images);
  for (let i = 0; i < size; i++) {
    const label = labels[i]!;
    if (!Number.isInteger(label) || label < 0 || label >= classes.length) {
      throw new UserError(`${where}: label ${i}: expected 0 to ${classes.length - 1}, found ${label}`);
    }
    split.labels[i] = label;
  }
  return split;
}
