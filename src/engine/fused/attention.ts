import tf = require('@tensorflow/tfjs');
import { multiplied } from '../multiply-adds.js';
import { differentiable, tidied } from './differentiable.js';
import { fused } from './registry.js';

/**
 * Scaled dot-product attention of tokens among themselves (Vaswani et al. 2017, Eq. 1): softmax(q·kᵀ / √d)·v for each
 * head. `[n, tokens, 3·width]`, queries, keys and values side by side as PyTorch packs them → `[n, tokens, width]`.
 * One tape entry, which keeps the input and the attention weights `[n, heads, tokens, tokens]`.
 *
 * @param weight that made what is packed: the multiply-adds are counted with its own
 */
export function attentionOp(packed: tf.Tensor3D, heads: number, weight: tf.Tensor): tf.Tensor3D {
  const [batch, tokens, tripled] = packed.shape;
  const width = tripled / 3;
  const size = width / heads;
  const scale = 1 / Math.sqrt(size);
  /** Of queries with keys, and of as many other pairs. */
  const products = batch * tokens * tokens * width;

  /** `[n, tokens, width]` → `[n, heads, tokens, size]`. */
  const byHead = (x: tf.Tensor): tf.Tensor4D =>
    tf.transpose(tf.reshape<tf.Rank.R4>(x, [batch, tokens, heads, size]), [0, 2, 1, 3]);
  const merged = (x: tf.Tensor4D): tf.Tensor3D =>
    tf.reshape(tf.transpose(x, [0, 2, 1, 3]), [batch, tokens, width]);
  const unpacked = (x: tf.Tensor): [tf.Tensor4D, tf.Tensor4D, tf.Tensor4D] => {
    const [q, k, v] = tf.split(x, 3, 2) as [tf.Tensor, tf.Tensor, tf.Tensor];
    return [byHead(tf.mul(q, scale)), byHead(k), byHead(v)];
  };

  return differentiable([packed], () => {
    const [q, k, v] = unpacked(packed);
    multiplied(weight, 2 * products);
    const weights = fused().asMap(tf.softmax(tf.matMul(q, k, false, true)));
    return {
      y: fused().asMap(merged(tf.matMul(weights, v))),
      saved: [packed, weights],
      backward: (dy, [savedPacked, savedWeights]) =>
        tidied(() => {
          const [scaledQ, savedK, savedV] = unpacked(savedPacked!);
          const p = savedWeights as tf.Tensor4D;
          const dOut = byHead(dy);
          multiplied(weight, 4 * products);
          const dWeights = tf.mul(tf.matMul(dOut, savedV, false, true), p);
          const dScores = tf.sub(dWeights, tf.mul(p, tf.sum(dWeights, -1, true)));
          const gradients = [
            tf.mul(tf.matMul(dScores, savedK), scale),
            tf.matMul(dScores, scaledQ, true),
            tf.matMul(p, dOut, true),
          ];
          return [
            tf.concat(
              gradients.map((gradient) => merged(gradient as tf.Tensor4D)),
              2,
            ),
          ];
        }),
    };
  });
}
