import tf = require('@tensorflow/tfjs');
import { givenUp } from '../fused/given-up.js';

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
    // The backend's own copies what nobody writes to; a reshape shares it.
    Identity: ({ x }) => tf.reshape(x!, x!.shape),
    Sum: overLeading('Sum'),
    Mean: overLeading('Mean'),
    FusedBatchNorm: batchNorm(tf.getKernel('FusedBatchNorm', 'wasm')),
    BatchMatMul: matMul(tf.getKernel('BatchMatMul', 'wasm')),
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

const runOwn = ({ kernelFunc }: tf.KernelConfig, inputs: Inputs, attrs: object): tf.Tensor => {
  const result = kernelFunc({
    inputs: { ...inputs },
    attrs: attrs as tf.NamedAttrMap,
    backend: tf.backend(),
  });
  return tf.engine().makeTensorFromTensorInfo(result as tf.TensorInfo);
};

/**
 * Sums and means over all axes but the last, ten times faster than by the backend's own kernel, which turns the tensor
 * round first: as average pools, of an example and then of all.
 */
function overLeading(name: 'Sum' | 'Mean'): Run {
  const own = tf.getKernel(name, 'wasm');
  return ({ x }, attrs) => {
    const { axis, keepDims } = attrs as tf.SumAttrs;
    const { shape, rank, dtype, size } = x!;
    const axes = tf.util.parseAxisParam(axis, shape).toSorted((a, b) => a - b);
    const leading = rank > 1 && axes.length === rank - 1 && axes.every((each, i) => each === i);
    if (!leading || dtype !== 'float32' || size === 0) return runOwn(own, { x: x! }, attrs);
    const channels = shape[rank - 1]!;
    const values = size / channels;
    const examples = pooled(tf.reshape(x!, [shape[0]!, values / shape[0]!, 1, channels]));
    const mean = tf.reshape(pooled(tf.reshape(examples, [1, shape[0]!, 1, channels])), [channels]);
    const result = name === 'Mean' ? mean : tf.mul(mean, values);
    return keepDims ? tf.reshape(result, [...shape.slice(0, -1).fill(1), channels]) : result;
  };
}

/** The means of `[n, values, 1, channels]` over the values. */
const pooled = (x: tf.Tensor4D): tf.Tensor4D =>
  x.shape[1] === 1 ? x : tf.avgPool(x, [x.shape[1], 1], 1, 'valid');

/** By one number for each channel that multiplies and one that is added, in a single pass. */
function batchNorm(own: tf.KernelConfig): Run {
  return (inputs, attrs) => {
    const { x, mean, variance, offset, scale } = inputs;
    if (x!.rank !== 4 || mean!.rank !== 1) return runOwn(own, inputs, attrs);
    const { varianceEpsilon } = attrs as tf.FusedBatchNormAttrs;
    const inverse = tf.rsqrt(tf.add(variance!, varianceEpsilon));
    const factor = scale === undefined ? inverse : tf.mul(inverse, scale);
    const moved = tf.neg(tf.mul(mean!, factor));
    return tf.fused.depthwiseConv2d({
      x: x as tf.Tensor4D,
      filter: tf.reshape(factor, [1, 1, x!.shape[3]!, 1]),
      bias: offset === undefined ? moved : tf.add(moved, offset),
      strides: 1,
      pad: 'valid',
    });
  };
}

/** The backend multiplies fast only what need not be turned round. */
function matMul(own: tf.KernelConfig): Run {
  return ({ a, b }, attrs) => {
    const { transposeA, transposeB } = attrs as tf.BatchMatMulAttrs;
    const turned = (x: tf.Tensor, whether: boolean): tf.Tensor => {
      if (!whether) return x;
      const axes = x.shape.map((_, axis) => axis);
      return tf.transpose(x, [...axes.slice(0, -2), x.rank - 1, x.rank - 2]);
    };
    const inputs = { a: turned(a!, transposeA), b: turned(b!, transposeB) };
    return runOwn(own, inputs, { transposeA: false, transposeB: false });
  };
}

/** The backend's own kernel finds no maximum among values that are not positive; here it gets only positive ones. */
function maxPoolGradient(own: tf.KernelConfig): Run {
  return ({ dy, input, output }, attrs) => {
    const positive = tf.add(tf.sub(input!, tf.min(input!)), 1);
    return runOwn(own, { dy: dy!, input: positive, output: output! }, attrs);
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
  const { top, left } = padInfo;
  const [, rows, columns] = x.shape;
  const bottom = (outHeight - 1) * strideHeight + filterHeight - top - rows;
  const right = (outWidth - 1) * strideWidth + filterWidth - left - columns;
  const read = tf.tidy(() => {
    const reached = fitted(x, 0, rows + Math.min(0, bottom), 0, columns + Math.min(0, right));
    return tf.transpose(reached, [3, 1, 2, 0]);
  });
  const filter = tf.transpose(dy, [1, 2, 0, 3]);
  const border: tf.backend_util.ExplicitPadding = [
    [0, 0],
    [top, Math.max(0, bottom)],
    [left, Math.max(0, right)],
    [0, 0],
  ];
  const gradient = tf.conv2d(read, filter, 1, border, 'NHWC', [strideHeight, strideWidth]);
  return tf.transpose(gradient, [1, 2, 0, 3]);
}

/**
 * The gradient of a convolution's input: dy convolved by the filter turned round. At a stride each of the places between
 * two strides has a part of the filter to itself: they are computed as channels, and then laid out.
 */
function inputGradient(
  dy: tf.Tensor4D,
  filter: tf.Tensor4D,
  { strides, pad, dataFormat, dimRoundingMode, inputShape }: tf.Conv2DBackpropInputAttrs,
): tf.Tensor {
  assertNhwc(dataFormat);
  const [height, width, inputs, outputs] = filter.shape;
  const { padInfo, strideHeight, strideWidth } = tf.backend_util.computeConv2DInfo(
    inputShape,
    filter.shape,
    strides,
    1,
    pad,
    dimRoundingMode,
  );
  const rows = Math.ceil(height / strideHeight);
  const columns = Math.ceil(width / strideWidth);
  const padded = tf.pad(filter, [
    [0, rows * strideHeight - height],
    [0, columns * strideWidth - width],
    [0, 0],
    [0, 0],
  ]);
  const parts = tf.reshape(padded, [rows, strideHeight, columns, strideWidth, inputs, outputs]);
  const turned = tf.reshape<tf.Rank.R4>(tf.transpose(tf.reverse(parts, [0, 2]), [0, 2, 5, 1, 3, 4]), [
    rows,
    columns,
    outputs,
    strideHeight * strideWidth * inputs,
  ]);
  const plain = strideHeight === 1 && strideWidth === 1;
  const borders = [
    [rows - 1, padInfo.top, inputShape[1] + height - 1],
    [columns - 1, padInfo.left, inputShape[2] + width - 1],
  ].map(([most, before, length], axis): [number, number] => {
    if (!plain) return [most!, most!];
    const start = most! - before!;
    return [start, length! - start - dy.shape[axis + 1]!];
  });
  const fits = borders.flat().every((each) => each >= 0);
  const whole = fits
    ? tf.conv2d(dy, turned, 1, [[0, 0], borders[0]!, borders[1]!, [0, 0]])
    : tf.conv2d(
        fitted(dy, borders[0]![0], inputShape[1] + height - 1, borders[1]![0], inputShape[2] + width - 1),
        turned,
        1,
        'valid',
      );
  if (plain) return whole;
  const [n, down, across] = whole.shape;
  const shape = [n, down, across, strideHeight, strideWidth, inputs];
  const places = givenUp(whole, () => tf.reshape(whole, shape));
  const laidOut = tf.reshape<tf.Rank.R4>(
    givenUp(places, () => tf.transpose(places, [0, 1, 3, 2, 4, 5])),
    [n, down * strideHeight, across * strideWidth, inputs],
  );
  return fitted(laidOut, -padInfo.top, inputShape[1], -padInfo.left, inputShape[2]);
}

function assertNhwc(dataFormat: 'NHWC' | 'NCHW' | undefined): void {
  if (dataFormat === 'NCHW') throw new Error('The wasm backend supports only NHWC convolutions');
}

/** x [n, h, w, c] moved down by `top` and right by `left`, on zeros of the given size; what does not fit is cut. */
function fitted(x: tf.Tensor4D, top: number, height: number, left: number, width: number): tf.Tensor4D {
  const [batch, rows, columns, channels] = x.shape;
  const bottom = height - top - rows;
  const right = width - left - columns;
  const most = Math.max(top, bottom, left, right);
  const padded =
    most <= 0
      ? x
      : tf.pad(x, [
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
