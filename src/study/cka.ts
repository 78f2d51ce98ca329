import tf = require('@tensorflow/tfjs');
import { scoped } from '../engine/scoped.js';

/** The fewest images of a batch that the estimator is defined for. */
export const fewestImages = 4;

/** Features whose variance is a smaller share of their squares do not vary but by rounding. */
const smallestShare = 1e-10;

/**
 * The similarities of a batch's images to each other in the sight of a unit: the linear kernel X·Xᵀ of its features
 * `[n, …]`, U-centred (Székely & Rizzo 2014), as `[n²]`. All zeros where the features do not vary.
 *
 * The dot product of two of these, over n·(n − 3), is the unbiased HSIC of Song et al. 2012 (Nguyen et al. 2021, Eq. 3):
 * both are the same sums over off-diagonal entries with row and total means taken out.
 */
export function centredKernel(features: tf.Tensor): tf.Tensor1D {
  return tf.tidy(() => {
    const n = features.shape[0]!;
    const x = tf.reshape(features, [n, -1]) as tf.Tensor2D;
    // The result would be the same without; but features far from 0 would lose their differences to rounding.
    const centred = tf.sub<tf.Tensor2D>(x, tf.mean(x, 0, true));
    const varies = tf.greater(tf.sum(tf.square(centred)), tf.mul(tf.sum(tf.square(x)), smallestShare));
    const others = tf.sub(1, tf.eye(n));
    const kernel = tf.mul(tf.matMul(centred, centred, false, true), others);
    const rows = tf.div(tf.sum(kernel, 1, true), n - 2);
    const total = tf.div(tf.sum(kernel), (n - 1) * (n - 2));
    const result = tf.add(tf.sub(tf.sub(kernel, rows), tf.transpose(rows)), total);
    return tf.reshape(tf.mul(tf.mul(result, others), tf.cast(varies, 'float32')), [n * n]) as tf.Tensor1D;
  });
}

/** Linear CKA of each unit of one network with each of another, batch by batch. */
export interface SimilaritySums {
  /** The units' kernels on one batch's images, as `centredKernel` makes them; they stay the caller's. */
  add(kernelsA: readonly tf.Tensor1D[], kernelsB: readonly tf.Tensor1D[]): void;
  /** `[i][j]`: of unit i of A and unit j of B; null where either does not vary. */
  similarity(): (number | null)[][];
}

/**
 * Linear centred kernel alignment (Kornblith et al. 2019) by minibatches (Nguyen et al. 2021, Eq. 2): the unbiased HSIC
 * of each pair, averaged over batches, over the square roots of each unit's own. No more than one batch's kernels are
 * ever held, whatever the number of images and of features.
 */
export function similaritySums(unitsA: number, unitsB: number): SimilaritySums {
  const cross = new Float64Array(unitsA * unitsB);
  const selfA = new Float64Array(unitsA);
  const selfB = new Float64Array(unitsB);
  const accumulate = (sums: Float64Array, values: tf.Tensor, factor: number): void => {
    values.dataSync().forEach((value, i) => (sums[i]! += value * factor));
  };
  return {
    add(kernelsA, kernelsB) {
      scoped(() => {
        const n = Math.sqrt(kernelsA[0]!.size);
        const [a, b] = [tf.stack([...kernelsA]), tf.stack([...kernelsB])] as [tf.Tensor2D, tf.Tensor2D];
        const factor = 1 / (n * (n - 3));
        accumulate(cross, tf.matMul(a, b, false, true), factor);
        accumulate(selfA, tf.sum(tf.square(a), 1), factor);
        accumulate(selfB, tf.sum(tf.square(b), 1), factor);
      });
    },
    similarity: () =>
      Array.from(selfA, (own, i) =>
        Array.from(selfB, (other, j) =>
          own === 0 || other === 0 ? null : cross[i * unitsB + j]! / Math.sqrt(own * other),
        ),
      ),
  };
}
