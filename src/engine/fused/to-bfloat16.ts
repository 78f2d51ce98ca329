import type * as tf from '@tensorflow/tfjs';
import { UserError } from '../../core/errors.js';
import type { FusedOp } from './fused-op.js';

/**
 * A copy rounded to bfloat16, ties to even, two bytes a value, which `sgd` and `adamw` take as what an optimiser keeps.
 * To TensorFlow.js it is a float32 tensor. No gradient.
 */
type ToBfloat16 = (x: tf.Tensor) => tf.Tensor;

export const toBfloat16: FusedOp<ToBfloat16> = {
  composed() {
    throw new UserError(
      'train.optimizerState: bf16 is there on the engines torch and torch-cuda alone, as the others have no such numbers: leave it out, or take one of these',
    );
  },

  torch({ op, input, wrap }) {
    const convert = op('aten::to', 'dtype');

    return (x) => wrap(convert(input(x), 'bfloat16', false, true, null));
  },
};
