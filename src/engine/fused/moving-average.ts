import tf = require('@tensorflow/tfjs');
import type { FusedOp } from './fused-op.js';

/** averages ← momentum · averages + (1 − momentum) · values, in place. */
type MovingAverage = (
  averages: readonly tf.Variable[],
  values: readonly tf.Tensor[],
  momentum: number,
) => void;

export const movingAverage: FusedOp<MovingAverage> = {
  composed(averages, values, momentum) {
    averages.forEach((average, i) => {
      tf.tidy(() => average.assign(tf.add(tf.mul(average, momentum), tf.mul(values[i]!, 1 - momentum))));
    });
  },

  torch({ op, input, writable }) {
    const update = op('locallearn::moving_average_');

    return (averages, values, momentum) => {
      update(
        averages.map(writable),
        values.map((value) => input(value)),
        momentum,
      );
    };
  },
};
