import tf = require('@tensorflow/tfjs');
import { differentiable, tidied } from './differentiable.js';
import type { FusedOp } from './fused-op.js';

/** Mean cross-entropy of softmax(logits) `[n, classes]` against the rows of `targets`, of one shape; these get no gradient. */
type CrossEntropy = (logits: tf.Tensor2D, targets: tf.Tensor2D) => tf.Scalar;

export const crossEntropy: FusedOp<CrossEntropy> = {
  composed: (logits, targets) =>
    differentiable([logits], () => {
      const logarithms = tf.logSoftmax(logits);
      return {
        y: tf.neg(tf.mean(tf.sum(tf.mul(targets, logarithms), 1))),
        saved: [logarithms, targets],
        backward: (dy, [saved, target]) =>
          tidied(() => [
            tf.mul(
              tf.sub(tf.mul(tf.exp(saved!), tf.sum(target!, 1, true)), target!),
              tf.div(dy, logits.shape[0]),
            ),
          ]),
      };
    }),

  torch({ op, multiOp, input, asFloat, wrap, wrapAll }) {
    const forward = multiOp('locallearn::cross_entropy');
    const backward = op('locallearn::cross_entropy_backward');

    return (logits, targets) =>
      differentiable([logits], () => {
        const floatTargets = asFloat(targets);
        const [y, logarithms] = wrapAll(forward(input(asFloat(logits)), input(floatTargets))) as [
          tf.Scalar,
          tf.Tensor,
        ];
        return {
          y,
          saved: [logarithms, floatTargets],
          backward: (dy, [saved, savedTargets]) => [
            wrap(backward(input(dy), input(saved), input(savedTargets))),
          ],
        };
      });
  },
};
