import tf = require('@tensorflow/tfjs');

/** Bilinear resize of `[n, h, w, c]` to `[n, height, width, c]`, corners aligned, without a gradient. */
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
