import tf = require('@tensorflow/tfjs');
import { differentiable } from './differentiable.js';

/**
 * Bilinear resize of `[n, h, w, c]` to `[n, height, width, c]`, corners aligned. One tape entry that frees the incoming
 * gradient, the largest tensor of an upsampling, as soon as it was used.
 */
export function resizeBilinearOp(x: tf.Tensor4D, size: readonly [number, number]): tf.Tensor4D {
  return differentiable([x], () => ({
    y: resizeBilinear(x, size),
    saved: [],
    backward: (dy) => [resizeBilinearGradient(x.shape, dy)],
  }));
}

/** The same, without a gradient. */
export function resizeBilinear(x: tf.Tensor4D, size: readonly [number, number]): tf.Tensor4D {
  return tf.image.resizeBilinear(x, [...size], true);
}

/** The gradient of what was resized, of this shape, by that of the result. */
export function resizeBilinearGradient(shape: tf.Tensor4D['shape'], dy: tf.Tensor4D): tf.Tensor4D {
  const [, height, width] = dy.shape;
  const attributes = { alignCorners: true, halfPixelCenters: false, size: [height, width] };
  return tf.tidy(() => {
    // Of the images the kernels read the shape alone.
    const images = tf.zeros<tf.Rank.R4>(shape);
    const dx: tf.Tensor = tf.engine().runKernel('ResizeBilinearGrad', { images, dy }, attributes);
    // TensorFlow.js's cpu backend names the sizes of a map that is not square in the wrong order.
    return tf.reshape(dx, shape);
  });
}
