import tf = require('@tensorflow/tfjs');
import type { FusedOp } from './fused-op.js';
import type { AdamWSettings } from './ops.js';

/**
 * One step of AdamW on all the variables, as PyTorch defines it, in place; the averages and squares start at zero, the
 * averages in float32 or by `toBfloat16`.
 */
type AdamW = (
  variables: readonly tf.Variable[],
  gradients: readonly tf.Tensor[],
  averages: readonly tf.Variable[],
  squares: readonly tf.Variable[],
  settings: AdamWSettings,
) => void;

export const adamw: FusedOp<AdamW> = {
  composed(variables, gradients, averages, squares, settings) {
    const { learningRate, betas, epsilon, weightDecay, step } = settings;
    const [first, second] = betas;
    const rate = learningRate / (1 - first ** step);
    const correction = Math.sqrt(1 - second ** step);
    variables.forEach((variable, i) => {
      tf.tidy(() => {
        const gradient = gradients[i]!;
        const average = tf.add(tf.mul(averages[i]!, first), tf.mul(gradient, 1 - first));
        const square = tf.add(tf.mul(squares[i]!, second), tf.mul(tf.square(gradient), 1 - second));
        const step = tf.mul(tf.div(average, tf.add(tf.div(tf.sqrt(square), correction), epsilon)), rate);
        averages[i]!.assign(average);
        squares[i]!.assign(square);
        variable.assign(tf.sub(tf.mul(variable, 1 - learningRate * weightDecay), step));
      });
    });
  },

  torch({ op, input, writable }) {
    const update = op('locallearn::adamw_');

    return (variables, gradients, averages, squares, settings) => {
      const { learningRate, betas, epsilon, weightDecay, step } = settings;
      update(
        variables.map(writable),
        gradients.map((gradient) => input(gradient)),
        averages.map(writable),
        squares.map(writable),
        learningRate,
        ...betas,
        epsilon,
        weightDecay,
        step,
      );
    };
  },
};
