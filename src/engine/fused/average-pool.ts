import tf = require('@tensorflow/tfjs');
import { differentiable, tidied } from './differentiable.js';
import { fused } from './registry.js';

/** Mean over the map: `[n, h, w, c]` → `[n, c]`. Keeps nothing, where `tf.mean` keeps the whole map for its shape. */
export function averagePoolOp(x: tf.Tensor4D): tf.Tensor2D {
  const [n, height, width, channels] = x.shape;
  return differentiable([x], () => ({
    y: tf.mean<tf.Tensor2D>(x, [1, 2]),
    saved: [],
    backward: (dy) =>
      tidied(() => {
        const pixel = tf.reshape(tf.div(dy, height * width), [n, 1, 1, channels]);
        return [tf.tile(fused().asMap(pixel), [1, height, width, 1])];
      }),
  }));
}
