import tf = require('@tensorflow/tfjs');
import type { FusedOp } from './fused-op.js';

/** x · factor, in x's memory where nothing else uses it; x is given up. No gradient. */
type Scale = <T extends tf.Tensor>(x: T, factor: tf.Scalar) => T;

export const scale: FusedOp<Scale> = {
  composed(x, factor) {
    const product = tf.mul(x, factor) as typeof x;
    x.dispose();
    return product;
  },

  torch({ op, input, isOwn }) {
    const scaleBy = op('aten::mul_', 'Tensor');

    return (x, factor) => {
      if (!isOwn(x)) return scale.composed(x, factor);
      scaleBy(input(x), input(factor)).dispose();
      // The same memory as a tensor of the current scope: what a tape saved is kept beyond every scope.
      const y = x.clone() as typeof x;
      x.dispose();
      return y;
    };
  },
};
