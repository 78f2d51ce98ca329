import tf = require('@tensorflow/tfjs');
import type { FusedOp } from './fused-op.js';
import type { SgdSettings } from './ops.js';

/**
 * One step of SGD on all the variables, as PyTorch defines it, in place; `momenta` start at zero, in float32 or by `toBfloat16`, and without any
 * momentum are none.
 */
type Sgd = (
  variables: readonly tf.Variable[],
  gradients: readonly tf.Tensor[],
  momenta: readonly tf.Variable[],
  settings: SgdSettings,
) => void;

export const sgd: FusedOp<Sgd> = {
  composed(variables, gradients, momenta, { learningRate, momentum, weightDecay, nesterov }) {
    variables.forEach((variable, i) => {
      tf.tidy(() => {
        const gradient = tf.add(gradients[i]!, tf.mul(variable, weightDecay));
        const before = momenta[i];
        const velocity = before === undefined ? gradient : tf.add(tf.mul(before, momentum), gradient);
        before?.assign(velocity);
        const direction = nesterov ? tf.add(gradient, tf.mul(velocity, momentum)) : velocity;
        variable.assign(tf.sub(variable, tf.mul(direction, learningRate)));
      });
    });
  },

  torch({ op, input, writable }) {
    const step = op('locallearn::sgd_');

    return (variables, gradients, momenta, { learningRate, momentum, weightDecay, nesterov }) => {
      step(
        variables.map(writable),
        gradients.map((gradient) => input(gradient)),
        momenta.map(writable),
        learningRate,
        momentum,
        weightDecay,
        nesterov,
      );
    };
  },
};
