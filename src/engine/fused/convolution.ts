import tf = require('@tensorflow/tfjs');
import type { Convolution } from './ops.js';
import { resizeBilinear, resizeBilinearGradient } from './resize.js';

/*
 * A convolution and its gradients, of TensorFlow.js's own kernels and outside of any tape. The filters and borders of
 * most layers are its padding `same`, which the kernels of all backends know; others are given as they are.
 */

/** `[n, h, w, in]` → `[n, h', w', out]`, without the bias. */
export function convolve(x: tf.Tensor4D, convolution: Convolution): tf.Tensor4D {
  const { filter, stride, groups } = convolution;
  const pad = paddingOf(convolution);
  return tf.tidy(() => {
    const inputs = split(readBy(x, convolution), groups);
    const filters = split(filter, groups);
    const parts = inputs.map((part, g) => tf.conv2d(part, filters[g]!, stride, pad));
    return joined(parts);
  });
}

/** The gradient of the filter, by that of the result. */
export function filterGradient(x: tf.Tensor4D, dy: tf.Tensor4D, convolution: Convolution): tf.Tensor4D {
  const { filter, groups } = convolution;
  const [height, width, inputs, outputs] = filter.shape;
  const filterShape = [height, width, inputs, outputs / groups];
  return tf.tidy(() => {
    const dys = split(dy, groups);
    const parts = split(readBy(x, convolution), groups).map((part, g) =>
      kernel('Conv2DBackpropFilter', { x: part, dy: dys[g]! }, { ...attributes(convolution), filterShape }),
    );
    return joined(parts);
  });
}

/** The gradient of the input, by that of the result. */
export function inputGradient(
  shape: tf.Tensor4D['shape'],
  dy: tf.Tensor4D,
  convolution: Convolution,
): tf.Tensor4D {
  const { filter, groups, resized } = convolution;
  const [n, height, width, channels] = shape;
  const inputShape = [n, ...(resized ?? [height, width]), channels / groups];
  return tf.tidy(() => {
    const filters = split(filter, groups);
    const parts = split(dy, groups).map((part, g) =>
      kernel(
        'Conv2DBackpropInput',
        { dy: part, filter: filters[g]! },
        { ...attributes(convolution), inputShape },
      ),
    );
    const read = joined(parts);
    return resized === undefined ? read : resizeBilinearGradient(shape, read);
  });
}

const kernel = (name: string, inputs: tf.NamedTensorMap, attrs: object): tf.Tensor4D =>
  tf.engine().runKernel(name, inputs, attrs as tf.NamedAttrMap);

const attributes = (convolution: Convolution): object => ({
  strides: convolution.stride,
  pad: paddingOf(convolution),
  dataFormat: 'NHWC',
  dimRoundingMode: undefined,
});

function paddingOf({
  filter,
  stride,
  padding,
}: Convolution): 'valid' | 'same' | tf.backend_util.ExplicitPadding {
  if (padding === 0) return 'valid';
  const [height, width] = filter.shape;
  if (stride === 1 && height === 2 * padding + 1 && width === height) return 'same';
  return [
    [0, 0],
    [padding, padding],
    [padding, padding],
    [0, 0],
  ];
}

const readBy = (x: tf.Tensor4D, { resized }: Convolution): tf.Tensor4D =>
  resized === undefined ? x : resizeBilinear(x, resized);

const split = (x: tf.Tensor4D, groups: number): tf.Tensor4D[] =>
  groups === 1 ? [x] : tf.split(x, groups, 3);

const joined = (parts: tf.Tensor4D[]): tf.Tensor4D =>
  parts.length === 1 ? parts[0]! : tf.concat4d(parts, 3);
