import * as tf from '@tensorflow/tfjs';

type Inputs = Readonly<Record<string, tf.Tensor>>;
type Run = (inputs: Inputs, attrs: object) => tf.Tensor;

/**
 * Kernels that training needs and the `wasm` backend lacks, composed of those it has, and two that it has: the input
 * gradient of convolutions ten times faster, and the gradient of maximum pools right. TensorFlow.js records no
 * gradients inside a kernel, so they are written as ops. To be called once.
 */
export function registerWasmKernels(): void {
  const kernels: Readonly<Record<string, Run>> = {
    Conv2DBackpropFilter: ({ x, dy }, attrs) =>
      filterGradient(x as tf.Tensor4D, dy as tf.Tensor4D, attrs as tf.Conv2DBackpropFilterAttrs),
    Conv2DBackpropInput: ({ dy, filter }, attrs) =>
      inputGradient(dy as tf.Tensor4D, filter as tf.Tensor4D, attrs as tf.Conv2DBackpropInputAttrs),
    MaxPoolGrad: maxPoolGradient(tf.getKernel('MaxPoolGrad', 'wasm')),
    UnsortedSegmentSum: ({ x, segmentIds }, attrs) =>
      segmentSum(x!, segmentIds as tf.Tensor1D, (attrs as tf.UnsortedSegmentSumAttrs).numSegments),
  };
  for (const [kernelName, run] of Object.entries(kernels)) {
    // What a kernel is replaced by may still call it, so it is still set up.
    const replaced = tf.getKernel(kernelName, 'wasm') as tf.KernelConfig | undefined;
    if (replaced !== undefined) tf.unregisterKernel(kernelName, 'wasm');
    tf.registerKernel({
      ...replaced,
      kernelName,
      backendName: 'wasm',
      kernelFunc: ({ inputs, attrs }) => tf.tidy(() => run(inputs as Inputs, (attrs ?? {}) as object)),
    });
  }
}

/** The backend's own kernel finds no maximum among values that are not positive; here it gets only positive ones. */
function maxPoolGradient({ kernelFunc }: tf.KernelConfig): Run {
  return ({ dy, input, output }, attrs) => {
    const positive = tf.add(tf.sub(input!, tf.min(input!)), 1);
    const result = kernelFunc({
      inputs: { dy, input: positive, output },
      attrs: attrs as tf.NamedAttrMap,
      backend: tf.backend(),
    });
    return tf.engine().makeTensorFromTensorInfo(result as tf.TensorInfo);
  };
}

/**
 * The gradient of a convolution's filter is itself a convolution, of the input by dy: with channels and examples in
 * exchanged places, and dilation where the forward convolution had its stride. So it runs at the speed of Conv2D.
 */
function filterGradient(
  x: tf.Tensor4D,
  dy: tf.Tensor4D,
  { strides, pad, dataFormat, dimRoundingMode, filterShape }: tf.Conv2DBackpropFilterAttrs,
): tf.Tensor {
  assertNhwc(dataFormat);
  const { padInfo, strideHeight, strideWidth, outHeight, outWidth, filterHeight, filterWidth } =
    tf.backend_util.computeConv2DInfo(x.shape, filterShape, strides, 1, pad, dimRoundingMode);
  const height = (outHeight - 1) * strideHeight + filterHeight;
  const width = (outWidth - 1) * strideWidth + filterWidth;
  const source = tf.transpose(fitted(x, padInfo.top, height, padInfo.left, width), [3, 1, 2, 0]);
  const filter = tf.transpose(dy, [1, 2, 0, 3]);
  const gradient = tf.conv2d(source, filter, 1, 'valid', 'NHWC', [strideHeight, strideWidth]);
  return tf.transpose(gradient, [1, 2, 0, 3]);
}

/** The gradient of a convolution's input: dy, with zeros between its values, convolved by the filter turned round. */
function inputGradient(
  dy: tf.Tensor4D,
  filter: tf.Tensor4D,
  { strides, pad, dataFormat, dimRoundingMode, inputShape }: tf.Conv2DBackpropInputAttrs,
): tf.Tensor {
  assertNhwc(dataFormat);
  const { padInfo, strideHeight, strideWidth, filterHeight, filterWidth } = tf.backend_util.computeConv2DInfo(
    inputShape,
    filter.shape,
    strides,
    1,
    pad,
    dimRoundingMode,
  );
  const spread = fitted(
    interleaved(dy, strideHeight, strideWidth),
    filterHeight - 1 - padInfo.top,
    inputShape[1] + filterHeight - 1,
    filterWidth - 1 - padInfo.left,
    inputShape[2] + filterWidth - 1,
  );
  const turned = tf.transpose(tf.reverse(filter, [0, 1]), [0, 1, 3, 2]);
  return tf.conv2d(spread, turned, 1, 'valid');
}

function assertNhwc(dataFormat: 'NHWC' | 'NCHW' | undefined): void {
  if (dataFormat === 'NCHW') throw new Error('The wasm backend supports only NHWC convolutions');
}

/** x [n, h, w, c] with zeros after each row and column, up to the strides. */
function interleaved(x: tf.Tensor4D, strideHeight: number, strideWidth: number): tf.Tensor4D {
  if (strideHeight === 1 && strideWidth === 1) return x;
  const [batch, height, width, channels] = x.shape;
  const split = tf.pad(tf.reshape(x, [batch, height, 1, width, channels]), [
    [0, 0],
    [0, 0],
    [0, strideHeight - 1],
    [0, 0],
    [0, channels * (strideWidth - 1)],
  ]);
  return tf.reshape(split, [batch, height * strideHeight, width * strideWidth, channels]);
}

/** x [n, h, w, c] moved down by `top` and right by `left`, on zeros of the given size; what does not fit is cut. */
function fitted(x: tf.Tensor4D, top: number, height: number, left: number, width: number): tf.Tensor4D {
  const [batch, rows, columns, channels] = x.shape;
  const bottom = height - top - rows;
  const right = width - left - columns;
  const padded = tf.pad(x, [
    [0, 0],
    [Math.max(0, top), Math.max(0, bottom)],
    [Math.max(0, left), Math.max(0, right)],
    [0, 0],
  ]);
  if (Math.min(top, bottom, left, right) >= 0) return padded;
  return tf.slice(padded, [0, Math.max(0, -top), Math.max(0, -left), 0], [batch, height, width, channels]);
}

/** Rows of x [m, …] added up by segment; ids outside of the segments are left out. */
function segmentSum(x: tf.Tensor, ids: tf.Tensor1D, segments: number): tf.Tensor {
  const rows = tf.reshape<tf.Rank.R2>(tf.cast(x, 'float32'), [ids.size, -1]);
  const membership = tf.cast(tf.oneHot(ids, segments) as tf.Tensor2D, 'float32');
  const sums = tf.matMul(membership, rows, true);
  return tf.cast(tf.reshape(sums, [segments, ...x.shape.slice(1)]), x.dtype);
}
