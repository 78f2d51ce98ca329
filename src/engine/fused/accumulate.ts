import tf = require('@tensorflow/tfjs');
import type { FusedOp } from './fused-op.js';

/** total + value of one shape, in total's memory where nothing else uses it; both are given up. No gradient. */
type Accumulate = <T extends tf.Tensor>(total: T, value: T) => T;

export const accumulate: FusedOp<Accumulate> = {
  composed(total, value) {
    const sum = tf.add(total, value) as typeof total;
    tf.dispose([total, value]);
    return sum;
  },

  torch({ op, input, isOwn }) {
    const addTo = op('aten::add_', 'Tensor');

    return (total, value) => {
      if (!isOwn(total)) return accumulate.composed(total, value);
      addTo(input(total), input(value), 1).dispose();
      value.dispose();
      return total;
    };
  },
};
