import tf = require('@tensorflow/tfjs');
import { multiplied } from '../multiply-adds.js';
import { differentiable, tidied, trained } from './differentiable.js';
import type { Mode } from './ops.js';
import { fused } from './registry.js';

/**
 * x·weight + bias along the last axis: `[…, in]` → `[…, out]`, weight `[in, out]`, bias `[out]`. One tape entry that
 * keeps x alone. Products are of float32 in any precision; those of maps are maps.
 */
export function linearOp(
  x: tf.Tensor,
  weight: tf.Tensor2D,
  bias: tf.Tensor1D | undefined,
  mode: Mode,
): tf.Tensor {
  const [inputs, outputs] = weight.shape;
  return differentiable([x, ...trained(mode, weight, bias)], ({ wants }) => {
    const product = tf.matMul(tf.reshape<tf.Rank.R2>(x, [-1, inputs]), weight);
    multiplied(weight, x.size * outputs);
    const sum = bias === undefined ? product : tf.add(product, bias);
    const y = tf.reshape(sum, [...x.shape.slice(0, -1), outputs]);
    return {
      y: x.rank > 2 ? fused().asMap(y) : y,
      saved: [x],
      backward: (dy, [savedX]) =>
        tidied(() => {
          const rows = tf.reshape<tf.Rank.R2>(dy, [-1, outputs]);
          multiplied(weight, x.size * outputs * (Number(wants(x)) + Number(wants(weight))));
          const dx = (): tf.Tensor => tf.reshape(tf.matMul(rows, weight, false, true), x.shape);
          const dWeight = (): tf.Tensor =>
            tf.matMul(tf.reshape<tf.Rank.R2>(savedX!, [-1, inputs]), rows, true);
          return [
            wants(x) ? dx() : undefined,
            wants(weight) ? dWeight() : undefined,
            wants(bias) ? tf.sum(rows, 0) : undefined,
          ];
        }),
    };
  });
}
