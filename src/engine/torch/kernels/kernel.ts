import type * as tf from '@tensorflow/tfjs';
import type { Device, MultiOperator, Native, NativeTensor, Operator } from '../native.js';

export type KernelInputs = Readonly<Record<string, tf.TensorInfo | undefined>>;
export type KernelResult = tf.TensorInfo | tf.TensorInfo[];

/** What kernels are made with; the backend says what each does. */
export interface KernelContext {
  readonly native: Native;
  readonly device: Device;
  readonly op: (name: string, overload?: string) => Operator;
  readonly multiOp: (name: string, overload?: string) => MultiOperator;
  /** In the tensor's dtype: maps that are held in bfloat16 as float32. */
  readonly input: (info: tf.TensorInfo) => NativeTensor;
  /** As it is held, in bfloat16 too: for what libtorch computes as well with it, or between it and float32. */
  readonly asHeld: (info: tf.TensorInfo) => NativeTensor;
  /** Whether it is held in bfloat16. */
  readonly isShort: (info: tf.TensorInfo) => boolean;
  readonly constant: (
    values: Float32Array | Int32Array | Uint8Array,
    shape: readonly number[],
    dtype: 'float32' | 'int32' | 'bool',
  ) => NativeTensor;
  readonly output: (native: NativeTensor, dtype?: tf.DataType, shape?: readonly number[]) => tf.TensorInfo;
  readonly share: (info: tf.TensorInfo, shape?: number[]) => tf.TensorInfo;
  readonly upload: (values: tf.BackendValues, shape: number[], dtype: tf.DataType) => tf.TensorInfo;
  readSync(dataId: tf.DataId): tf.BackendValues;
}

/** A kernel's inputs in float32, whatever they are of. */
export function floatsOf({ op, input }: KernelContext): (x: tf.TensorInfo) => NativeTensor {
  const cast = op('aten::to', 'dtype');
  return (x) => (x.dtype === 'float32' ? input(x) : cast(input(x), 'float32'));
}

/** What computes a TensorFlow.js kernel: its inputs and attributes → its outputs. */
export type Kernel = (inputs: KernelInputs, attrs: object) => KernelResult;

/** Kernels by their TensorFlow.js names. */
export type KernelTable = Readonly<Record<string, Kernel>>;

/** A kernel with inputs `Required`, of which TensorFlow.js may leave out `Optional`. */
export function kernel<Required extends string, Attributes = object, Optional extends string = never>(
  f: (
    inputs: Readonly<Record<Required, tf.TensorInfo>> & Readonly<Partial<Record<Optional, tf.TensorInfo>>>,
    attrs: Attributes,
  ) => KernelResult,
): Kernel {
  return f as unknown as Kernel;
}

/** A kernel whose input is a list. */
export function listKernel<Attributes = object>(
  f: (inputs: readonly tf.TensorInfo[], attrs: Attributes) => KernelResult,
): Kernel {
  return f as unknown as Kernel;
}

export const sizeOf = (shape: readonly number[]): number => shape.reduce((size, n) => size * n, 1);
