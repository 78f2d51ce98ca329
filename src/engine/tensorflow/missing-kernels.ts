import tf = require('@tensorflow/tfjs');
import { hostKernel, type HostBackend } from '../host-kernel.js';

type Inputs = Readonly<Record<string, tf.Tensor>>;
/** TensorFlow's kernel with padding `valid`, and with other attributes where they are given. */
type Valid = (inputs: Inputs, changes?: object) => tf.Tensor;
type Shape = [number, number, number, number];
type Border = [before: number, after: number][];
/** What windows of a map `[n, h, w, c]` need: as TensorFlow.js's computePool2DInfo and computeConv2DInfo tell it. */
type Windows = tf.backend_util.Conv2DInfo;

/** What the package's kernels lack, composed of them or on the host. To be called once, when the backend is there. */
export function registerMissingKernels(): void {
  registerPadded();
  registerMissing();
}

/**
 * Its kernels know the paddings `valid` and `same`. These are those with padding in numbers: the map is padded by hand,
 * and what falls on the border is cut off.
 */
function registerPadded(): void {
  for (const [kernelName, padded] of Object.entries(paddedKernels)) {
    const kernel = tf.getKernel(kernelName, 'tensorflow');
    tf.unregisterKernel(kernelName, 'tensorflow');
    tf.registerKernel({
      ...kernel,
      kernelFunc: (call) => {
        const attributes = call.attrs as unknown as tf.Conv2DAttrs;
        const { pad, dataFormat } = attributes;
        if (typeof pad === 'string' || pad === 0 || dataFormat === 'NCHW') return kernel.kernelFunc(call);
        const valid: Valid = (inputs, changes) => {
          const attrs = { ...attributes, pad: 'valid', dimRoundingMode: undefined, ...changes };
          const result = kernel.kernelFunc({ ...call, inputs, attrs: attrs as unknown as tf.NamedAttrMap });
          // The package's kernels give whole tensors.
          return result as tf.Tensor;
        };
        // TensorFlow.js records no gradients inside a kernel, so they are written as ops.
        return tf.tidy(() => padded(call.inputs as Inputs, attributes as never, valid));
      },
    });
  }
}

/** Of the kernels that the package has: one whose seed is not heeded, one that fails, and one that splits NaN. */
const faulty = ['Multinomial', 'ScatterNd', 'Unique'];

/** Kernels of strings, sparse and ragged tensors and the like, which the package has none of: on the host. */
function registerMissing(): void {
  for (const name of faulty) tf.unregisterKernel(name, 'tensorflow');
  const present = new Set(tf.getKernelsForBackend('tensorflow').map(({ kernelName }) => kernelName));
  for (const { kernelName } of tf.getKernelsForBackend('cpu')) {
    if (present.has(kernelName)) continue;
    const kernelFunc: tf.KernelFunc = ({ inputs, attrs, backend }) =>
      hostKernel(hostOf(backend as tf.KernelBackend), kernelName)(inputs as Inputs, attrs ?? {});
    tf.registerKernel({ kernelName, backendName: 'tensorflow', kernelFunc });
  }
}

const hostOf = (backend: tf.KernelBackend): HostBackend => ({
  readSync: (dataId) => backend.readSync(dataId),
  upload: (values, shape, dtype) => ({ dataId: backend.write(values, shape, dtype), shape, dtype }),
});

const paddedKernels: Readonly<Record<string, (inputs: Inputs, attrs: never, valid: Valid) => tf.Tensor>> = {
  MaxPool: ({ x }, attrs: tf.MaxPoolAttrs, valid) =>
    valid({ x: tf.pad(x!, poolBorder(x!, attrs), -Infinity) }),

  MaxPoolGrad: ({ dy, input, output }, attrs: tf.MaxPoolGradAttrs, valid) => {
    const border = poolBorder(input!, attrs, dy!);
    const gradient = valid({ dy: dy!, input: tf.pad(input!, border, -Infinity), output: output! });
    return inside(gradient, border, input!.shape);
  },

  AvgPool: ({ x }, attrs: tf.AvgPoolAttrs, valid) => {
    const border = poolBorder(x!, attrs);
    return tf.div(valid({ x: tf.pad(x!, border) }), coverage(x!, border, attrs));
  },

  AvgPoolGrad: ({ dy, input }, attrs: tf.AvgPoolGradAttrs, valid) => {
    const border = poolBorder(input!, attrs, dy!);
    const share = tf.div(dy!, coverage(input!, border, attrs));
    return inside(valid({ dy: share, input: tf.pad(input!, border) }), border, input!.shape);
  },

  Conv2D: ({ x, filter }, attrs: tf.Conv2DAttrs, valid) => {
    const border = convBorder(x!.shape, filter!.shape, attrs);
    return valid({ x: tf.pad(x!, border), filter: filter! });
  },

  Conv2DBackpropFilter: ({ x, dy }, attrs: tf.Conv2DBackpropFilterAttrs, valid) => {
    const border = convBorder(x!.shape, attrs.filterShape, attrs, dy!);
    return valid({ x: tf.pad(x!, border), dy: dy! });
  },

  Conv2DBackpropInput: ({ dy, filter }, attrs: tf.Conv2DBackpropInputAttrs, valid) => {
    const border = convBorder(attrs.inputShape, filter!.shape, attrs, dy!);
    const inputShape = attrs.inputShape.map((size, axis) => border[axis]![0] + size + border[axis]![1]);
    return inside(valid({ dy: dy!, filter: filter! }, { inputShape }), border, attrs.inputShape);
  },
};

/** `dy`: the gradient of the result, where there is one. */
function poolBorder(x: tf.Tensor, attrs: tf.AvgPoolAttrs, dy?: tf.Tensor): Border {
  const { filterSize, strides, pad, dimRoundingMode } = attrs;
  const shape = x.shape as Shape;
  const windows = tf.backend_util.computePool2DInfo(shape, filterSize, strides, 1, pad, dimRoundingMode);
  return borderOf(windows, dy?.shape ?? windows.outShape);
}

type ConvAttrs = Pick<tf.Conv2DAttrs, 'strides' | 'pad' | 'dimRoundingMode'> &
  Partial<Pick<tf.Conv2DAttrs, 'dilations'>>;

function convBorder(
  x: readonly number[],
  filter: readonly number[],
  { strides, pad, dimRoundingMode, dilations = 1 }: ConvAttrs,
  dy?: tf.Tensor,
): Border {
  const shapes = [x, filter] as unknown as [Shape, Shape];
  const windows = tf.backend_util.computeConv2DInfo(...shapes, strides, dilations, pad, dimRoundingMode);
  return borderOf(windows, dy?.shape ?? windows.outShape);
}

/** As much behind as the last window reaches, of as many as there are: a gradient is not told how they were rounded. */
function borderOf(windows: Windows, [, outHeight, outWidth]: readonly number[]): Border {
  const { inHeight, inWidth, strideHeight, strideWidth, padInfo } = windows;
  const bottom = (outHeight! - 1) * strideHeight + windows.effectiveFilterHeight - inHeight - padInfo.top;
  const right = (outWidth! - 1) * strideWidth + windows.effectiveFilterWidth - inWidth - padInfo.left;
  return [
    [0, 0],
    [padInfo.top, Math.max(0, bottom)],
    [padInfo.left, Math.max(0, right)],
    [0, 0],
  ];
}

const inside = (x: tf.Tensor, border: Border, shape: readonly number[]): tf.Tensor =>
  tf.slice(
    x,
    border.map(([before]) => before),
    [...shape],
  );

/** The share of each window that is no padding: TensorFlow.js's averages are over that. */
function coverage(x: tf.Tensor, border: Border, { filterSize, strides }: tf.AvgPoolAttrs): tf.Tensor {
  const ones = tf.pad(tf.ones<tf.Rank.R4>([1, x.shape[1]!, x.shape[2]!, 1]), border);
  return tf.avgPool(ones as tf.Tensor4D, filterSize, strides, 'valid');
}
