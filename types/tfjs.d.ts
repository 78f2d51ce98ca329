import type * as tf from '@tensorflow/tfjs';

/** Makes the tensors of the public API TensorFlow.js's own, for programs that use both: see tensors.d.ts. */
declare module './tensors.js' {
  interface TensorFlowTypes {
    readonly Tensor: tf.Tensor;
    readonly Scalar: tf.Scalar;
    readonly Tensor1D: tf.Tensor1D;
    readonly Tensor2D: tf.Tensor2D;
    readonly Tensor3D: tf.Tensor3D;
    readonly Tensor4D: tf.Tensor4D;
    readonly Variable: tf.Variable;
    readonly Variable1D: tf.Variable<tf.Rank.R1>;
  }
}
