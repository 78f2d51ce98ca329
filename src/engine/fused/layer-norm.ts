import tf = require('@tensorflow/tfjs');
import { differentiable, tidied, trained } from './differentiable.js';
import type { FusedOp } from './fused-op.js';
import { layerNormEpsilon, type LayerNormalization, type Mode } from './ops.js';

/** Layer normalisation of `[…, c]` over its last axis (Ba et al. 2016). */
type LayerNorm = <T extends tf.Tensor>(x: T, norm: LayerNormalization, mode: Mode) => T;

export const layerNorm: FusedOp<LayerNorm> = {
  composed(x, { gamma, beta }, mode) {
    return differentiable([x, ...trained(mode, gamma, beta)], ({ wants }) => {
      const { mean, variance } = tf.moments(x, -1, true);
      const inverseDeviation = tf.rsqrt(tf.add(variance, layerNormEpsilon));
      const normalised = tf.mul(tf.sub(x as tf.Tensor, mean), inverseDeviation);
      return {
        y: tf.add(tf.mul(normalised, gamma), beta) as typeof x,
        saved: [x, mean, inverseDeviation],
        backward: (dy, [savedX, savedMean, savedDeviation]) =>
          tidied(() => {
            const centred = tf.mul(tf.sub(savedX!, savedMean!), savedDeviation!);
            const leading = dy.shape.slice(0, -1).map((_, axis) => axis);
            return [
              wants(x) ? layerNormInputGradient(tf.mul(dy, gamma), centred, savedDeviation!) : undefined,
              wants(gamma) ? tf.sum(tf.mul(dy as tf.Tensor, centred), leading) : undefined,
              wants(beta) ? tf.sum(dy, leading) : undefined,
            ];
          }),
      };
    });
  },

  torch({ multiOp, input, asMap, asFloat, wrapAll }) {
    const forward = multiOp('aten::native_layer_norm');
    const backward = multiOp('aten::native_layer_norm_backward');

    return (x, { gamma, beta }, mode) => {
      const channels = [gamma.size];
      return differentiable([x, ...trained(mode, gamma, beta)], ({ wants }) => {
        const [y, mean, inverseDeviation] = wrapAll(
          forward(input(asFloat(x)), channels, input(gamma), input(beta), layerNormEpsilon),
        ) as [typeof x, tf.Tensor, tf.Tensor];
        return {
          y: asMap(y),
          saved: [x, mean, inverseDeviation],
          backward: (dy, [savedX, savedMean, savedDeviation]) =>
            tidied(() =>
              wrapAll(
                backward(
                  input(asFloat(dy)),
                  input(asFloat(savedX!)),
                  channels,
                  input(savedMean),
                  input(savedDeviation),
                  input(gamma),
                  input(beta),
                  [wants(x), wants(gamma), wants(beta)],
                ),
              ),
            ),
        };
      });
    };
  },
};

/** `dy` is that of the normalised values: dx = (dy − mean(dy) − x̂ · mean(dy · x̂)) / σ, means over the last axis. */
function layerNormInputGradient(
  dy: tf.Tensor,
  normalised: tf.Tensor,
  inverseDeviation: tf.Tensor,
): tf.Tensor {
  const along = tf.mean(tf.mul(dy, normalised), -1, true);
  const rest = tf.sub(tf.sub(dy, tf.mean(dy, -1, true)), tf.mul(normalised, along));
  return tf.mul(rest, inverseDeviation);
}
