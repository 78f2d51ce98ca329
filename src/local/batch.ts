import tf = require('@tensorflow/tfjs');
import { z } from 'zod';
import { checkGiven, numbersSchema, imageShapeSchema } from '../core/given.js';
import { labelsSchema, valuesSchema } from '../data/forms.js';
import { detach } from '../engine/detached.js';
import { canAlwaysBeMadeAnew } from '../engine/fused/kept-map.js';
import { fused } from '../engine/fused/registry.js';
import { outsideTape } from '../engine/tape.js';
import { UserError } from '../core/errors.js';
import { checkChannels, tablesOf, type Normalization } from './normalization.js';

/** One batch: its images as bytes until something reads them, its labels on the engine. */
export interface Batch {
  readonly size: number;
  /**
   * Normalised, `[n, h, w, c]`: a new tensor in the current scope whenever it is read, so that no step holds what most
   * updates do not read. The same numbers each time, without a gradient.
   */
  readonly images: tf.Tensor4D;
  /**
   * What cross-entropy compares with, `[n, classes]`, in each row shares that add up to 1: one-hot, of mixed images
   * shares of two classes, with label smoothing a little of every class.
   */
  readonly labels: tf.Tensor2D;
  /**
   * The labels one-hot, without label smoothing, for a loss that needs one class an image.
   *
   * @throws UserError if the images are mixed
   */
  hardLabels(): tf.Tensor2D;
  /**
   * The images before normalisation, in 0…1.
   *
   * @returns a new tensor `[n, h, w, c]`
   * @throws UserError if they are floating-point numbers that are not
   */
  pixels(): tf.Tensor4D;
  /** What all of this is made of. */
  readonly sources: BatchSources;
  /**
   * Some of its images as a batch of their own, its tensors in the current scope: mixed as they are here.
   *
   * @param from the first
   * @param to the one after the last
   */
  part(from: number, to: number): Batch;
}

/** What a batch reads. */
export interface BatchSources {
  /** On the engine. */
  readonly tensors: readonly tf.Tensor[];
  /** Put there whenever images are asked for. */
  readonly arrays: readonly (Uint8Array | Float32Array)[];
  /** What is made of them: batches of the same form have the same computed, of other numbers. */
  readonly form: string;
  /** Whether `pixels` was called. */
  readonly pixelsRead: boolean;
  /** Throws what `pixels` would. */
  checkPixels(): void;
}

/**
 * A batch's images as the input of its first update: detached, and the caller's to dispose. What reads them need not keep
 * them for its backward pass: they are made of the bytes again.
 */
export function detachedImages(batch: Batch): tf.Tensor4D {
  const images = freeing(batch.images, detach);
  canAlwaysBeMadeAnew(images, () => batch.images);
  return images;
}

/** How a batch's images and labels are mixed with those of others in it (mixup, Zhang et al. 2018). */
export interface Mixing {
  /** λ: how much of the image itself is in the mixture, 0…1. */
  readonly share: number;
  /** By image, the index in the batch of the one that it is mixed with. */
  readonly partners: ArrayLike<number>;
}

const batchForms = {
  images: valuesSchema,
  labels: labelsSchema,
  imageShape: imageShapeSchema,
  classes: z.int().min(1),
  normalization: z.object({ mean: numbersSchema, std: numbersSchema }),
};

/**
 * Puts a batch on the engine.
 *
 * @param images `[n, h, w, c]`: bytes, scaled to 0…1 first, or floating-point numbers as they are
 * @param labels class indices, `[n]`
 * @param imageShape `[height, width, channels]`
 * @param classes how many there are
 * @param normalization of the images
 * @param mixing where given, image i becomes λ · image i + (1 − λ) · image partners[i], and its label likewise
 * @param smoothing ε of label smoothing, 0…1: labels y become (1 − ε) · y + ε / classes (Szegedy et al. 2016)
 * @returns the batch, whose tensors belong to the current tidy scope, or outside of one to the caller: `labels`, and the
 * `images` and `pixels` of each time they are asked for. It reads the images' array as long as it is used
 */
export function createBatch(
  images: Uint8Array | Float32Array,
  labels: ArrayLike<number>,
  imageShape: readonly [number, number, number],
  classes: number,
  normalization: Normalization,
  mixing?: Mixing,
  smoothing = 0,
): Batch {
  checkGiven('createBatch', batchForms, { images, labels, imageShape, classes, normalization });
  const { mean, std } = normalization;
  const [height, width, channels] = imageShape;
  checkChannels(normalization, channels);
  const tables = tablesOf(normalization, channels);
  const length = height * width * channels;
  const form = JSON.stringify([images instanceof Uint8Array, imageShape, mean, std]);
  // Made where they are used: outside of a tidy scope nobody else could free them.
  const [means, deviations] = [() => tf.tensor1d([...mean]), () => tf.tensor1d([...std])];
  const shapeOf = (values: Uint8Array | Float32Array): [number, number, number, number] => [
    values.length / length,
    ...imageShape,
  ];
  const normalised = (values: Uint8Array | Float32Array): tf.Tensor4D => {
    const shape = shapeOf(values);
    if (values instanceof Uint8Array) return fromBytes(values, shape, tables.normalised);
    const centred = freeing(tf.tensor4d(values, shape), (x) => tf.sub<tf.Tensor4D>(x, means()));
    return freeing(centred, (x) => tf.div<tf.Tensor4D>(x, deviations()));
  };
  const rows = (from: number, to: number): Batch => {
    const own = images.subarray(from * length, to * length);
    const partners = mixing && Array.from({ length: to - from }, (_, i) => mixing.partners[from + i]!);
    const normalisedRows = (): tf.Tensor4D => {
      const x = normalised(own);
      return partners ? blend(x, normalised(gathered(images, partners, length)), mixing!.share) : x;
    };
    const targets = targetsOf(labels, [from, to], classes, mixing, smoothing);
    let pixelsRead = false;
    return {
      ...targets,
      sources: {
        ...targets.sources,
        arrays: [images],
        form: `${form} ${targets.sources.form}`,
        get pixelsRead() {
          return pixelsRead;
        },
        checkPixels: () => refuseOutside(images),
      },
      get images() {
        return untaped(normalisedRows);
      },
      pixels() {
        pixelsRead = true;
        refuseOutside(images);
        return untaped(() => {
          if (own instanceof Uint8Array && !partners) return fromBytes(own, shapeOf(own), tables.pixels);
          const scaled = freeing(normalisedRows(), (x) => tf.mul<tf.Tensor4D>(x, deviations()));
          return freeing(scaled, (x) => tf.add<tf.Tensor4D>(x, means()));
        });
      },
      part: (first, end) => rows(from + first, from + end),
    };
  };
  return rows(0, labels.length);
}

/**
 * Puts a batch's labels on the engine, for a process that gets features of its images and not the images.
 *
 * @param labels and the rest as of `createBatch`
 * @returns the batch, whose tensors belong to the current tidy scope; asking for its images throws a UserError
 */
export function createLabels(
  labels: ArrayLike<number>,
  classes: number,
  mixing?: Mixing,
  smoothing = 0,
): Batch {
  const refuse = (): never => {
    throw new UserError(
      'a loss reads the images, and this rank has features of them alone: its update has to say so (`apart: { images: true }`)',
    );
  };
  const rows = (from: number, to: number): Batch => ({
    ...targetsOf(labels, [from, to], classes, mixing, smoothing),
    get images() {
      return refuse();
    },
    pixels: refuse,
    part: (first, end) => rows(from + first, from + end),
  });
  return rows(0, labels.length);
}

/** The labels of the images from the first of a range to the one before its end. */
function targetsOf(
  labels: ArrayLike<number>,
  [from, to]: readonly [number, number],
  classes: number,
  mixing: Mixing | undefined,
  smoothing: number,
): Pick<Batch, 'size' | 'labels' | 'hardLabels' | 'sources'> {
  const oneHot = (places: readonly number[]): tf.Tensor2D => {
    const some = tf.tensor1d(
      places.map((i) => labels[i]!),
      'int32',
    );
    return tf.oneHot(some, classes).toFloat() as tf.Tensor2D;
  };
  const own = Array.from({ length: to - from }, (_, i) => from + i);
  const targets = tf.tidy(() =>
    mixing === undefined
      ? oneHot(own)
      : blend(oneHot(own), oneHot(own.map((i) => mixing.partners[i]!)), mixing.share),
  );
  const smoothed = (): tf.Tensor2D =>
    tf.tidy(() => tf.add(tf.mul(targets, 1 - smoothing), smoothing / classes));
  const softened = smoothing === 0 ? targets : smoothed();
  return {
    size: to - from,
    labels: softened,
    sources: {
      tensors: [...new Set([targets, softened])],
      arrays: [],
      form: JSON.stringify([to - from, classes, smoothing, mixing?.share ?? null]),
      pixelsRead: false,
      checkPixels: () => {},
    },
    hardLabels() {
      if (!mixing) return targets;
      throw new UserError(
        'train.mixup: the supervised contrastive loss compares images of one class, and a mixed image has two: leave mixup out, or choose loss: cross-entropy (of man-plus: stemAuxiliary: as-others)',
      );
    },
  };
}

const fromBytes = (
  values: Uint8Array,
  shape: readonly [number, number, number, number],
  table: Float32Array,
): tf.Tensor4D => fused().fromBytes(values, shape, table) as tf.Tensor4D;

/** Refuses images that are no pixels in 0…1. */
function refuseOutside(images: Uint8Array | Float32Array): void {
  if (images instanceof Uint8Array) return;
  const value = images.find((each) => !(each >= 0 && each <= 1));
  if (value === undefined) return;
  throw new UserError(
    `a loss rebuilds the images, which must be from 0 to 1 for that, and there is ${value} among them: scale them, or choose another loss`,
  );
}

/** What f makes of x, which is freed. */
function freeing<T extends tf.Tensor, Result extends tf.Tensor>(x: T, f: (x: T) => Result): Result {
  const result = f(x);
  x.dispose();
  return result;
}

/** What f makes, of which no gradient is asked for: nothing is saved for one. */
function untaped<T extends tf.Tensor>(f: () => T): T {
  return outsideTape(() => tf.tidy(f));
}

/** share · x + (1 − share) · others, which are freed. */
function blend<T extends tf.Tensor>(x: T, others: T, share: number): T {
  const own = freeing(x, () => tf.mul<T>(x, share));
  const rest = freeing(others, () => tf.mul<T>(others, 1 - share));
  const sum: T = tf.add(own, rest);
  tf.dispose([own, rest]);
  return sum;
}

/** The values of the images at these places, one after another. */
function gathered(
  images: Uint8Array | Float32Array,
  places: readonly number[],
  length: number,
): Uint8Array | Float32Array {
  const found =
    images instanceof Uint8Array
      ? new Uint8Array(places.length * length)
      : new Float32Array(places.length * length);
  places.forEach((place, i) => found.set(images.subarray(place * length, (place + 1) * length), i * length));
  return found;
}
