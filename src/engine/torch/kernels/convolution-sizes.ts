import tf = require('@tensorflow/tfjs');
import { axes3d, windowOf, type Window } from './geometry.js';

/** How TensorFlow.js reads the sizes of a convolution over two axes. */
export function conv2dInfo(
  inShape: readonly number[],
  filterShape: readonly number[],
  {
    strides,
    pad,
    dilations,
    dimRoundingMode,
    dataFormat = 'NHWC',
  }: Pick<tf.Conv2DAttrs, 'strides' | 'pad' | 'dimRoundingMode'> &
    Partial<Pick<tf.Conv2DAttrs, 'dilations' | 'dataFormat'>>,
  depthwise = false,
): tf.backend_util.Conv2DInfo {
  return tf.backend_util.computeConv2DInfo(
    inShape as [number, number, number, number],
    filterShape as [number, number, number, number],
    strides,
    dilations ?? 1,
    pad,
    dimRoundingMode,
    depthwise,
    tf.backend_util.convertConv2DDataFormat(dataFormat),
  );
}

/** The window of a convolution over three axes, `[n, d, h, w, c]`. */
export function window3d(
  inShape: readonly number[],
  filterShape: readonly number[],
  strides: tf.Conv3DAttrs['strides'],
  dilations: tf.Conv3DAttrs['dilations'],
  pad: 'valid' | 'same',
): Window {
  type Shape = [number, number, number, number, number];
  return windowOf(
    axes3d(
      tf.backend_util.computeConv3DInfo(inShape as Shape, filterShape as Shape, strides, dilations, pad),
    ),
  );
}
