import * as tf from '@tensorflow/tfjs';
import { isDetached } from '../detached.js';
import { differentiable, tidied } from './differentiable.js';

/**
 * Bilinear resize of `[n, h, w, c]` to `[n, height, width, c]`, corners aligned. One tape entry that frees the incoming
 * gradient, the largest tensor of an upsampling, as soon as it was used.
 */
export function resizeBilinearOp(x: tf.Tensor4D, size: readonly [number, number]): tf.Tensor4D {
  const attributes = { alignCorners: true, halfPixelCenters: false, size: [...size] };
  return differentiable(isDetached(x) ? [] : [x], () => ({
    y: tf.image.resizeBilinear(x, [...size], true),
    saved: [x],
    backward: (dy, [savedX]) =>
      tidied(() => {
        const inputs = { images: savedX!, dy };
        const dx = tf.engine().runKernel('ResizeBilinearGrad', inputs, attributes) as tf.Tensor;
        // TensorFlow.js's cpu backend names the sizes of a map that is not square in the wrong order.
        return [tf.reshape(dx, x.shape)];
      }),
  }));
}
