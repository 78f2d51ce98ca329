import tf = require('@tensorflow/tfjs');
import { multiplying } from '../../../engine/multiply-adds.js';

/** The inner products of all pairs of rows: `[n, d]` → `[n, n]`. */
export function pairProducts(rows: tf.Tensor2D): tf.Tensor2D {
  const [n, d] = rows.shape;
  return multiplying(undefined, n * n * d, () => tf.matMul(rows, rows, false, true));
}
