import * as tf from '@tensorflow/tfjs';

export type KernelInputs = Readonly<Record<string, tf.TensorInfo | undefined>>;
export type KernelResult = tf.TensorInfo | tf.TensorInfo[];

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
