import type * as tf from '@tensorflow/tfjs';
import type { MultiOperator, NativeTensor, Operator } from '../torch/native.js';

/** An op in both its forms, which compute the same; each is differentiable, or neither. */
export interface FusedOp<Op> {
  /** Of standard TensorFlow.js kernels, for every backend. */
  readonly composed: Op;
  /** On libtorch: one native call forward, one backward. Called once, when that engine starts. */
  readonly torch: (torch: Torch) => Op;
}

/** What an op is given of libtorch's engine, which is loaded only where it is used. */
export interface Torch {
  readonly device: 'cpu' | 'cuda';
  /** Binds an operator with one result, or none. */
  readonly op: (name: string, overload?: string) => Operator;
  readonly multiOp: (name: string) => MultiOperator;
  /** A uint8 tensor, the caller's to dispose. */
  readonly bytesToDevice: (values: Uint8Array, shape: readonly number[]) => NativeTensor;
  /** The libtorch tensor behind one of TensorFlow.js, which keeps it, in whatever it is held. */
  readonly input: <T extends tf.Tensor | undefined>(
    tensor: T,
  ) => T extends tf.Tensor ? NativeTensor : NativeTensor | null;
  /** A feature map as the precision in force holds it: the same tensor, or a bfloat16 copy in the current scope. */
  readonly asMap: <T extends tf.Tensor>(x: T) => T;
  /** The same values held in float32: the same tensor, or a copy in the current scope. */
  readonly asFloat: <T extends tf.Tensor>(x: T) => T;
  /** A libtorch tensor as one of TensorFlow.js in the current scope. */
  readonly wrap: (tensor: NativeTensor) => tf.Tensor;
  readonly wrapAll: (tensors: readonly (NativeTensor | null)[]) => (tf.Tensor | undefined)[];
  /** Whether no other tensor shares its memory. */
  readonly isOwn: (tensor: tf.Tensor) => boolean;
  /** The variable's memory, to write to: first made its own where `assign` or `clone` shares it. */
  readonly writable: (variable: tf.Variable) => NativeTensor;
}
