import tf = require('@tensorflow/tfjs');
import { precisionInForce } from '../../precision.js';
import type { NativeTensor } from '../native.js';
import { activator } from './activation.js';
import { conv2dInfo, window3d } from './convolution-sizes.js';
import {
  axes2d,
  fromTorchFilter,
  toChannelsFirst,
  toChannelsLast,
  toTorchFilter,
  windowOf,
  type Window,
} from './geometry.js';
import { kernel, type KernelContext, type KernelTable } from './kernel.js';

/** How tensors of one kind of convolution are laid out, as axes to permute; libtorch wants [n, c, …] and [out, in, …]. */
interface Layout {
  readonly first: readonly number[];
  readonly last: readonly number[];
  readonly filter: readonly number[];
  readonly fromFilter: readonly number[];
  readonly memory: 'channels_last' | 'channels_last_3d';
}

const layoutOf = (spatial: 2 | 3): Layout => ({
  first: toChannelsFirst(spatial),
  last: toChannelsLast(spatial),
  filter: toTorchFilter(spatial),
  fromFilter: fromTorchFilter(spatial),
  memory: spatial === 2 ? 'channels_last' : 'channels_last_3d',
});

const nhwc = layoutOf(2);
const ndhwc = layoutOf(3);
const nchw: Layout = { ...nhwc, first: [0, 1, 2, 3], last: [0, 1, 2, 3] };

/** Convolutions over two and three axes, depthwise ones, and their gradients. */
export function convolutionKernels(backend: KernelContext): KernelTable {
  const { op, multiOp, input, isShort, output } = backend;
  const convolution = op('aten::convolution');
  const convolutionBackward = multiOp('aten::convolution_backward');
  const permute = op('aten::permute');
  const contiguous = op('aten::contiguous');
  const clone = op('aten::clone');
  const reshape = op('aten::reshape');
  const empty = op('aten::empty', 'memory_format');
  const pad = op('aten::constant_pad_nd');
  const narrow = op('aten::narrow');
  const addIn = op('aten::add_', 'Tensor');
  const cast = op('aten::to', 'dtype');
  const activate = activator(backend);

  // These multiply float32 in any precision, and hold what comes of it as the precision in force does: layers have ops of
  // their own (fused/conv.ts).
  const asMap = (y: NativeTensor): NativeTensor => (precisionInForce() === 'bf16' ? cast(y, 'bfloat16') : y);

  const padded = (x: NativeTensor, { padFirst }: Window): NativeTensor => (padFirst ? pad(x, padFirst) : x);

  const forward = (
    x: tf.TensorInfo,
    weight: NativeTensor,
    bias: tf.TensorInfo | undefined,
    window: Window,
    layout: Layout,
    groups: number,
  ): NativeTensor => {
    const { strides, padding, dilations } = window;
    const y = convolution(
      padded(permute(input(x), layout.first), window),
      weight,
      bias && input(bias),
      strides,
      padding,
      dilations,
      false,
      zeros(strides),
      groups,
    );
    return permute(asMap(y), layout.last);
  };

  /** The gradient of the input, [n, …, c]. */
  const inputGradient = (
    dy: tf.TensorInfo,
    weight: NativeTensor,
    inShape: readonly number[],
    window: Window,
    layout: Layout,
    groups: number,
  ): NativeTensor => {
    const shape = layout.first.map((axis) => inShape[axis]!);
    const { strides, padding, dilations, padFirst } = window;
    const paddedShape = shape.map((size, axis) => size + added(padFirst, shape.length - 1 - axis));
    let [dx] = convolutionBackward(
      permute(input(dy), layout.first),
      empty(paddedShape, 'float32', null, backend.device, null, layout.memory),
      weight,
      null,
      strides,
      padding,
      dilations,
      false,
      zeros(strides),
      groups,
      [true, false, false],
    ) as [NativeTensor];
    if (padFirst !== undefined) {
      shape.forEach((size, axis) => {
        const before = padFirst[2 * (shape.length - 1 - axis)] ?? 0;
        if (size !== paddedShape[axis]) dx = narrow(dx, axis, before, size);
      });
      dx = clone(dx, layout.memory);
    }
    return permute(isShort(dy) ? cast(dx, 'bfloat16') : dx, layout.last);
  };

  /** The gradient of the weight, [out, in / groups, …]. */
  const weightGradient = (
    x: tf.TensorInfo,
    dy: tf.TensorInfo,
    weightShape: readonly number[],
    window: Window,
    layout: Layout,
    groups: number,
  ): NativeTensor => {
    const { strides, padding, dilations } = window;
    const gradients = convolutionBackward(
      permute(input(dy), layout.first),
      padded(permute(input(x), layout.first), window),
      empty(weightShape, 'float32', null, backend.device, null, layout.memory),
      null,
      strides,
      padding,
      dilations,
      false,
      zeros(strides),
      groups,
      [false, true, false],
    );
    return gradients[1]!;
  };

  const weightOf = (filter: tf.TensorInfo, layout: Layout): NativeTensor =>
    contiguous(permute(input(filter), layout.filter), layout.memory);

  /** [h, w, in, multiplier] → [in · multiplier, 1, h, w]. */
  const depthwiseWeight = (filter: tf.TensorInfo): NativeTensor => {
    const [height, width, channels, multiplier] = filter.shape as [number, number, number, number];
    return reshape(permute(input(filter), [2, 3, 0, 1]), [channels * multiplier, 1, height, width]);
  };

  const layout2d = (dataFormat: 'NHWC' | 'NCHW' | undefined): Layout => (dataFormat === 'NCHW' ? nchw : nhwc);

  /** Bias and activation of the fused kernels, for y in the data format. */
  const finish = (
    y: NativeTensor,
    { bias, preluActivationWeights }: Partial<Record<'bias' | 'preluActivationWeights', tf.TensorInfo>>,
    { activation, leakyreluAlpha, dataFormat }: tf.FusedConv2DAttrs,
    biasAdded: boolean,
  ): NativeTensor => {
    const aligned = (x: tf.TensorInfo): tf.TensorInfo =>
      dataFormat === 'NCHW' && x.shape.length === 1 ? { ...x, shape: [x.shape[0]!, 1, 1] } : x;
    const sum = bias === undefined || biasAdded ? y : addIn(y, input(aligned(bias)));
    return activate(
      sum,
      activation,
      preluActivationWeights && aligned(preluActivationWeights),
      leakyreluAlpha,
    );
  };

  type Fused = 'bias' | 'preluActivationWeights';
  return {
    Conv2D: kernel<'x' | 'filter', tf.Conv2DAttrs>(({ x, filter }, attrs) => {
      const layout = layout2d(attrs.dataFormat);
      const window = windowOf(axes2d(conv2dInfo(x.shape, filter.shape, attrs)));
      return output(forward(x, weightOf(filter, layout), undefined, window, layout, 1), 'float32');
    }),

    Conv2DBackpropInput: kernel<'dy' | 'filter', tf.Conv2DBackpropInputAttrs>(({ dy, filter }, attrs) => {
      const layout = layout2d(attrs.dataFormat);
      const window = windowOf(axes2d(conv2dInfo(attrs.inputShape, filter.shape, { ...attrs, dilations: 1 })));
      return output(
        inputGradient(dy, weightOf(filter, layout), attrs.inputShape, window, layout, 1),
        'float32',
      );
    }),

    Conv2DBackpropFilter: kernel<'x' | 'dy', tf.Conv2DBackpropFilterAttrs>(({ x, dy }, attrs) => {
      const layout = layout2d(attrs.dataFormat);
      const window = windowOf(axes2d(conv2dInfo(x.shape, attrs.filterShape, { ...attrs, dilations: 1 })));
      const shape = layout.filter.map((axis) => attrs.filterShape[axis]!);
      return output(permute(weightGradient(x, dy, shape, window, layout, 1), layout.fromFilter), 'float32');
    }),

    FusedConv2D: kernel<'x' | 'filter', tf.FusedConv2DAttrs, Fused>(({ x, filter, ...fused }, attrs) => {
      const layout = layout2d(attrs.dataFormat);
      const info = conv2dInfo(x.shape, filter.shape, attrs);
      const perChannel = fused.bias?.shape.length === 1 && fused.bias.shape[0] === info.outChannels;
      const y = forward(
        x,
        weightOf(filter, layout),
        perChannel ? fused.bias : undefined,
        windowOf(axes2d(info)),
        layout,
        1,
      );
      return output(finish(y, fused, attrs, perChannel), 'float32');
    }),

    DepthwiseConv2dNative: kernel<'x' | 'filter', tf.DepthwiseConv2dNativeAttrs>(({ x, filter }, attrs) => {
      const window = windowOf(axes2d(conv2dInfo(x.shape, filter.shape, attrs, true)));
      return output(
        forward(x, depthwiseWeight(filter), undefined, window, nhwc, filter.shape[2]!),
        'float32',
      );
    }),

    DepthwiseConv2dNativeBackpropInput: kernel<'dy' | 'filter', tf.DepthwiseConv2dNativeBackpropInputAttrs>(
      ({ dy, filter }, attrs) => {
        const window = windowOf(axes2d(conv2dInfo(attrs.inputShape, filter.shape, attrs, true)));
        const weight = depthwiseWeight(filter);
        return output(inputGradient(dy, weight, attrs.inputShape, window, nhwc, filter.shape[2]!), 'float32');
      },
    ),

    DepthwiseConv2dNativeBackpropFilter: kernel<'x' | 'dy', tf.DepthwiseConv2dNativeBackpropFilterAttrs>(
      ({ x, dy }, attrs) => {
        const window = windowOf(axes2d(conv2dInfo(x.shape, attrs.filterShape, attrs, true)));
        const [height, width, channels, multiplier] = attrs.filterShape;
        const shape = [channels * multiplier, 1, height, width];
        const gradient = weightGradient(x, dy, shape, window, nhwc, channels);
        return output(
          permute(reshape(gradient, [channels, multiplier, height, width]), [2, 3, 0, 1]),
          'float32',
        );
      },
    ),

    FusedDepthwiseConv2D: kernel<'x' | 'filter', tf.FusedDepthwiseConv2DAttrs, Fused>(
      ({ x, filter, ...fused }, attrs) => {
        const window = windowOf(axes2d(conv2dInfo(x.shape, filter.shape, attrs, true)));
        const y = forward(x, depthwiseWeight(filter), undefined, window, nhwc, filter.shape[2]!);
        return output(finish(y, fused, attrs, false), 'float32');
      },
    ),

    Conv3D: kernel<'x' | 'filter', tf.Conv3DAttrs>(({ x, filter }, { strides, pad, dilations }) => {
      const window = window3d(x.shape, filter.shape, strides, dilations, pad);
      return output(forward(x, weightOf(filter, ndhwc), undefined, window, ndhwc, 1), 'float32');
    }),

    Conv3DBackpropInputV2: kernel<'dy' | 'filter', tf.Conv3DBackpropInputV2Attrs>(
      ({ dy, filter }, { strides, pad, inputShape }) => {
        const window = window3d(inputShape, filter.shape, strides, 1, pad);
        return output(inputGradient(dy, weightOf(filter, ndhwc), inputShape, window, ndhwc, 1), 'float32');
      },
    ),

    Conv3DBackpropFilterV2: kernel<'x' | 'dy', tf.Conv3DBackpropFilterV2Attrs>(
      ({ x, dy }, { strides, pad, filterShape }) => {
        const window = window3d(x.shape, filterShape, strides, 1, pad);
        const shape = ndhwc.filter.map((axis) => filterShape[axis]!);
        return output(permute(weightGradient(x, dy, shape, window, ndhwc, 1), ndhwc.fromFilter), 'float32');
      },
    ),
  };
}

const zeros = (like: readonly unknown[]): number[] => like.map(() => 0);

/** What `padFirst` adds in all to the axis that is the index-th from the last. */
const added = (padFirst: readonly number[] | undefined, index: number): number =>
  (padFirst?.[2 * index] ?? 0) + (padFirst?.[2 * index + 1] ?? 0);
