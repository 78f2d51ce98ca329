/** A window (of a convolution or a pool) sliding over the spatial axes; every list has one entry per axis. */
export interface Window {
  readonly kernel: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  /** Padding that libtorch adds on both sides of an axis alike. */
  readonly padding: readonly number[];
  /** Where the two sides differ: what to add first, for `constant_pad_nd` (last axis first), with `padding` 0. */
  readonly padFirst: readonly number[] | undefined;
}

export interface Axis {
  readonly size: number;
  readonly outputs: number;
  readonly kernel: number;
  readonly stride: number;
  readonly dilation: number;
  readonly before: number;
}

/**
 * The window for axes of which TensorFlow.js has computed the output size and the padding before them. Libtorch pads
 * both sides alike and rounds the output size down; where that gives another size, the input is padded first.
 */
export function windowOf(
  axes: readonly Axis[],
  mostPadding: (kernel: number) => number = () => Infinity,
): Window {
  const reach = ({ kernel, dilation }: Axis): number => (kernel - 1) * dilation + 1;
  const alike = axes.every(
    (axis) =>
      axis.before <= mostPadding(axis.kernel) &&
      Math.floor((axis.size + 2 * axis.before - reach(axis)) / axis.stride) + 1 === axis.outputs,
  );
  const after = (axis: Axis): number =>
    Math.max(0, (axis.outputs - 1) * axis.stride + reach(axis) - axis.size - axis.before);
  return {
    kernel: axes.map(({ kernel }) => kernel),
    strides: axes.map(({ stride }) => stride),
    dilations: axes.map(({ dilation }) => dilation),
    padding: axes.map(({ before }) => (alike ? before : 0)),
    padFirst: alike ? undefined : [...axes].reverse().flatMap((axis) => [axis.before, after(axis)]),
  };
}

/** The axes of a two-dimensional convolution or pool. */
export function axes2d(info: {
  readonly inHeight: number;
  readonly inWidth: number;
  readonly outHeight: number;
  readonly outWidth: number;
  readonly filterHeight: number;
  readonly filterWidth: number;
  readonly strideHeight: number;
  readonly strideWidth: number;
  readonly dilationHeight: number;
  readonly dilationWidth: number;
  readonly padInfo: { readonly top: number; readonly left: number };
}): Axis[] {
  return [
    {
      size: info.inHeight,
      outputs: info.outHeight,
      kernel: info.filterHeight,
      stride: info.strideHeight,
      dilation: info.dilationHeight,
      before: info.padInfo.top,
    },
    {
      size: info.inWidth,
      outputs: info.outWidth,
      kernel: info.filterWidth,
      stride: info.strideWidth,
      dilation: info.dilationWidth,
      before: info.padInfo.left,
    },
  ];
}

/** The axes of a three-dimensional convolution or pool. */
export function axes3d(
  info: Parameters<typeof axes2d>[0] & {
    readonly inDepth: number;
    readonly outDepth: number;
    readonly filterDepth: number;
    readonly strideDepth: number;
    readonly dilationDepth: number;
    readonly padInfo: { readonly front: number };
  },
): Axis[] {
  return [
    {
      size: info.inDepth,
      outputs: info.outDepth,
      kernel: info.filterDepth,
      stride: info.strideDepth,
      dilation: info.dilationDepth,
      before: info.padInfo.front,
    },
    ...axes2d(info),
  ];
}

/** [n, …, c] → [n, c, …], a view: a channels-last tensor to libtorch. */
export const toChannelsFirst = (spatial: number): number[] => [0, spatial + 1, ...range(1, spatial)];
/** [n, c, …] → [n, …, c], a view. */
export const toChannelsLast = (spatial: number): number[] => [0, ...range(2, spatial), 1];
/** [size…, in, out] → [out, in, size…]. */
export const toTorchFilter = (spatial: number): number[] => [spatial + 1, spatial, ...range(0, spatial)];
/** [out, in, size…] → [size…, in, out]. */
export const fromTorchFilter = (spatial: number): number[] => [...range(2, spatial), 1, 0];

const range = (start: number, length: number): number[] => Array.from({ length }, (_, i) => start + i);
