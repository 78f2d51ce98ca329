import * as tf from '@tensorflow/tfjs';

/** One batch on the engine. */
export interface Batch {
  readonly size: number;
  /** Normalised, `[n, h, w, c]`. */
  readonly images: tf.Tensor4D;
  /** One-hot, `[n, classes]`. */
  readonly labels: tf.Tensor2D;
  /** The images before normalisation, in 0…1, as a new tensor. */
  pixels(): tf.Tensor4D;
}

export interface Normalization {
  /** Per channel, of pixel values in 0…1. */
  readonly mean: readonly number[];
  readonly std: readonly number[];
}

/**
 * Puts a batch on the engine. `images` are uint8 `[n, h, w, c]` or values in 0…1; its tensors belong to the current
 * tidy scope.
 */
export function createBatch(
  images: Uint8Array | Float32Array,
  labels: Uint8Array,
  imageShape: readonly [number, number, number],
  classes: number,
  { mean, std }: Normalization,
): Batch {
  const size = labels.length;
  const shape: [number, number, number, number] = [size, ...imageShape];
  const means = tf.tensor1d([...mean]);
  const deviations = tf.tensor1d([...std]);
  const normalised = tf.tidy(() => {
    const pixels =
      images instanceof Uint8Array
        ? tf.div(tf.cast(tf.tensor4d(Int32Array.from(images), shape, 'int32'), 'float32'), 255)
        : tf.tensor4d(images, shape);
    return tf.div(tf.sub(pixels, means), deviations) as tf.Tensor4D;
  });
  return {
    size,
    images: normalised,
    labels: tf.tidy(() => tf.oneHot(tf.tensor1d(labels, 'int32'), classes).toFloat() as tf.Tensor2D),
    pixels: () => tf.tidy(() => tf.add(tf.mul(normalised, deviations), means)) as tf.Tensor4D,
  };
}
