import * as tf from '@tensorflow/tfjs';
import { fused } from '../engine/fused/registry.js';
import { UserError } from '../core/errors.js';

/** One batch on the engine. */
export interface Batch {
  readonly size: number;
  /** Normalised, `[n, h, w, c]`. */
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
   */
  pixels(): tf.Tensor4D;
}

/** What is taken from pixel values, and what they are divided by, to normalise them. */
export interface Normalization {
  /** Per channel, of pixel values in 0…1. */
  readonly mean: readonly number[];
  readonly std: readonly number[];
}

/** How a batch's images and labels are mixed with those of others in it (mixup, Zhang et al. 2018). */
export interface Mixing {
  /** λ: how much of the image itself is in the mixture, 0…1. */
  readonly share: number;
  /** By image, the index in the batch of the one that it is mixed with. */
  readonly partners: ArrayLike<number>;
}

/**
 * Puts a batch on the engine.
 *
 * @param images `[n, h, w, c]`: uint8, or values in 0…1
 * @param labels class indices, `[n]`
 * @param imageShape `[height, width, channels]`
 * @param classes how many there are
 * @param normalization of the images
 * @param mixing where given, image i becomes λ · image i + (1 − λ) · image partners[i], and its label likewise
 * @param smoothing ε of label smoothing, 0…1: labels y become (1 − ε) · y + ε / classes (Szegedy et al. 2016)
 * @returns the batch, whose tensors belong to the current tidy scope
 */
export function createBatch(
  images: Uint8Array | Float32Array,
  labels: ArrayLike<number>,
  imageShape: readonly [number, number, number],
  classes: number,
  { mean, std }: Normalization,
  mixing?: Mixing,
  smoothing = 0,
): Batch {
  const shape: [number, number, number, number] = [labels.length, ...imageShape];
  const means = tf.tensor1d([...mean]);
  const deviations = tf.tensor1d([...std]);
  const normalised = tf.tidy(() => {
    const pixels =
      images instanceof Uint8Array
        ? tf.div(fused().fromBytes(images, shape), 255)
        : tf.tensor4d(images, shape);
    return mixerOf(mixing)(tf.div(tf.sub(pixels, means), deviations) as tf.Tensor4D);
  });
  return {
    ...targetsOf(labels, classes, mixing, smoothing),
    images: normalised,
    pixels: () => tf.tidy(() => tf.add(tf.mul(normalised, deviations), means)) as tf.Tensor4D,
  };
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
  return {
    ...targetsOf(labels, classes, mixing, smoothing),
    get images() {
      return refuse();
    },
    pixels: refuse,
  };
}

function targetsOf(
  labels: ArrayLike<number>,
  classes: number,
  mixing: Mixing | undefined,
  smoothing: number,
): Pick<Batch, 'size' | 'labels' | 'hardLabels'> {
  const targets = tf.tidy(() =>
    mixerOf(mixing)(
      tf.oneHot(tf.tensor1d(Int32Array.from(labels), 'int32'), classes).toFloat() as tf.Tensor2D,
    ),
  );
  const smoothed = (): tf.Tensor2D =>
    tf.tidy(() => tf.add(tf.mul(targets, 1 - smoothing), smoothing / classes));
  return {
    size: labels.length,
    labels: smoothing === 0 ? targets : smoothed(),
    hardLabels() {
      if (!mixing) return targets;
      throw new UserError(
        'train.mixup: the supervised contrastive loss compares images of one class, and a mixed image has two: leave mixup out, or choose loss: cross-entropy (of man-plus: stemHead: as-others)',
      );
    },
  };
}

function mixerOf(mixing: Mixing | undefined): <T extends tf.Tensor>(x: T) => T {
  if (mixing === undefined) return (x) => x;
  const { share, partners } = mixing;
  return (x) =>
    tf.tidy(() => {
      const others = tf.gather(x, tf.tensor1d(Int32Array.from(partners), 'int32'));
      return tf.add(tf.mul(x, share), tf.mul(others, 1 - share));
    });
}
